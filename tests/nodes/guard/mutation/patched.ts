/** The simulators with a guard whose source has been changed: for mistakes that no seam of the classes could make. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { REPO } from "../../../../common/paths.js";
import type * as Simulators from "./simulators.js";

export interface Patch {
  /** Below `nodes/guard/`. */
  readonly file: string;
  /** Occurs there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** @throws Error when the text isn't there exactly once: the mistake would not be made */
export function patchedSource({ file, find, replace }: Patch): string {
  const source = readFileSync(join(REPO, "nodes/guard", file), "utf8");
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${file} has '${find}' ${parts.length - 1} times, not once`);
  return parts.join(replace);
}

/** @param changed files below `nodes/guard/` → their whole text */
export async function simulatorsWith(changed: Readonly<Record<string, string>>): Promise<typeof Simulators> {
  const { outputFiles } = await build({
    absWorkingDir: REPO,
    entryPoints: ["tests/nodes/guard/mutation/simulators.ts"],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "silent",
    plugins: [
      {
        name: "patch",
        setup: ({ onLoad }) => {
          for (const [file, contents] of Object.entries(changed)) {
            const path = join(REPO, "nodes/guard", file);
            onLoad({ filter: new RegExp(`${path.replaceAll(/[.\\/]/g, "\\$&")}$`) }, () => ({
              contents,
              loader: "ts",
            }));
          }
        },
      },
    ],
  });
  const module = { exports: {} as typeof Simulators };
  const run = new Function("module", "exports", "require", (outputFiles[0] as { text: string }).text);
  run(module, module.exports, createRequire(import.meta.url));
  return module.exports;
}
