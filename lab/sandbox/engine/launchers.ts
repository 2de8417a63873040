/** Small executables that the engine finds on PATH: one per stand-in provider, and the one that runs policy packs. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { REPO, sandboxDir } from "../../../common/paths.js";

export const PROVIDERS = ["aws", "kubernetes", "random"] as const;

/** Writes the launchers and bundles the providers (one process starts per provider instance, so its start counts). @returns the folder for PATH. */
export async function writeLaunchers(): Promise<string> {
  const bin = join(sandboxDir(), "bin");
  const lib = join(sandboxDir(), "lib");
  await mkdir(bin, { recursive: true });
  await build({
    entryPoints: [join(REPO, "lab/providers/main.ts")],
    outdir: lib,
    bundle: true,
    splitting: true,
    minify: true,
    keepNames: true,
    platform: "node",
    format: "esm",
    target: "node22",
    outExtension: { ".js": ".mjs" },
    logLevel: "silent",
    // CommonJS dependencies within an ES module bundle still ask for these.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    define: { "process.env.DR_REPO": JSON.stringify(REPO) },
  });
  const preload = pathToFileURL(join(REPO, "lab/sandbox/engine/exit-with-parent.mjs")).href;
  const node = `${quote(process.execPath)} --import ${quote(preload)}`;
  for (const name of PROVIDERS) {
    await executable(
      join(bin, `pulumi-resource-${name}`),
      `exec ${node} ${quote(join(lib, "main.mjs"))} ${name} "$@"`,
    );
  }
  // Without Node's language host on PATH the engine starts a policy pack through this one.
  const runPack = join(REPO, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
  await executable(join(bin, "pulumi-analyzer-policy-nodejs"), `exec ${node} ${quote(runPack)} "$@"`);
  return bin;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

async function executable(path: string, command: string): Promise<void> {
  await writeFile(
    path,
    `#!/bin/sh\n# Loaders meant for the program would only slow this one down.\nunset NODE_OPTIONS\n${command}\n`,
  );
  await chmod(path, 0o755);
}
