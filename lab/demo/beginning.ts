/** The demo's story needs a beginning: home is active, and the recovery region runs. The user's stack files may be further on. */

import { parseRegionSettings } from "../../settings/parse.js";
import { readStackFiles } from "../../settings/stack-files.js";
import type { RegionStackName } from "../../settings/stacks.js";
import { projectDir, setConfig } from "../sandbox/project.js";

const BEGINNING: Readonly<Record<RegionStackName, number>> = { prod: 1, dr: 0 };

/** Sets in the sandbox's copy what the story needs, and says what it changed. */
export async function beginWithHomeActive(say: (text: string) => void): Promise<void> {
  for (const stack of ["prod", "dr"] as const) {
    const { epoch, site, ...others } = parseRegionSettings(stack, await readStackFiles(stack, projectDir()));
    const change = async (key: string, from: string | number, to: string | number) => {
      if (from === to) return;
      await setConfig(stack, key, `${to}`);
      say(`  ${stack}: ${key} is ${to} in this demo; your stack file has ${from}`);
    };
    // Each of these is valid with any epoch once it is 0.
    for (const key of ["yieldedTo", "fenced", "acceptDataLoss"] as const) await change(key, others[key], 0);
    await change("epoch", epoch, BEGINNING[stack]);
    if (site === "cold") await change("site", site, "warm");
  }
}
