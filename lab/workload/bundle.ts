/** Bundles the workload into one file, so that its process starts in a fraction of a second. */
import { createHash } from "node:crypto";
import { mkdir, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { cacheDir, REPO } from "../../common/paths.js";

/** @returns the file, in the user's cache under the hash of its content: no caller has to remove it. */
export async function bundleWorkload(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("./main.ts", import.meta.url))],
    // Comments in the result name files relative to this.
    absWorkingDir: REPO,
    write: false,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    // An optional native driver that pg looks for and does without.
    external: ["pg-native", "pg-cloudflare"],
    // pg is CommonJS and requires Node's own modules.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "silent",
  });
  const content = outputFiles[0]?.contents ?? new Uint8Array();
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const file = join(cacheDir(), `workload-${hash}.mjs`);
  const now = new Date();
  // The cache is pruned of what was unused for long.
  const isThere = await utimes(file, now, now).then(
    () => true,
    () => false,
  );
  if (isThere) return file;
  await mkdir(cacheDir(), { recursive: true });
  // Under another name first: no process may run half of it.
  const scratch = `${file}.${process.pid}`;
  await writeFile(scratch, content);
  await rename(scratch, file);
  return file;
}
