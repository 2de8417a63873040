/** One drill on the demo's machines, its figures and its report. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { REPO } from "../../common/paths.js";
import type { AnyDrill } from "../drills/drill.js";
import { figure } from "../drills/measure.js";
import type { Raise } from "../drills/region/stage/two-regions.js";
import { rehearse } from "../drills/rehearse.js";
import { type DrillResult, fileName, renderReport } from "../drills/report.js";
import type { RegionTwin } from "../twin/open.js";
import { bundleWorkload } from "../workload/bundle.js";
import type { Scene } from "./demo-scene.js";

/** @throws Error when the drill does not pass. */
export async function perform(
  { progress, say, reports }: Scene,
  running: RegionTwin,
  drill: AnyDrill,
  raise?: Raise,
): Promise<DrillResult> {
  const workload = await bundleWorkload();
  const result = await rehearse(drill, { running, workload, progress, repetition: 1, raise });
  await mkdir(reports, { recursive: true });
  const page = renderReport(result, relative(reports, join(REPO, "runbooks")));
  await writeFile(join(reports, `${fileName(result)}.md`), page);
  for (const measure of result.measures) say(`    ${measure.name.padEnd(52)} ${figure(measure)}`);
  if (result.outcome !== "passed")
    throw new Error(`drill ${drill.name} ${result.outcome}: ${result.reasons.join("; ")}`);
  return result;
}
