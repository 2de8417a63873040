/** Bundles the workload into one file, so that its process starts in a fraction of a second. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export interface Bundle {
  readonly file: string;
  remove(): Promise<void>;
}

export async function bundleWorkload(): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), "dr-workload-"));
  const file = join(folder, "workload.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("./main.ts", import.meta.url))],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // An optional native driver that pg looks for and does without.
    external: ["pg-native", "pg-cloudflare"],
    // pg is CommonJS and requires Node's own modules.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "silent",
  });
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}
