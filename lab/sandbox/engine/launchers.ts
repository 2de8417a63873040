/** Small executables: one per stand-in provider, which the engine finds on PATH, and the policy pack as a program. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { REPO, sandboxDir } from "../../../common/paths.js";
import { quote } from "../../../common/quote.js";
import type { Engine } from "./engine.js";

const PROVIDERS = ["aws", "kubernetes", "random"] as const;

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
  const runPack = join(REPO, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
  await executable(join(bin, PACK), `cd ${quote(POLICIES)} && exec ${node} ${quote(runPack)} "$1" .`);
  return bin;
}

const POLICIES = join(REPO, "policies");
const PACK = "policy-pack";

/**
 * The policy pack for an engine. A folder is run by Node's language host, which comes with Pulumi's installer only; the
 * engine that is built has none, and takes a pack that is a program.
 * @param bin what `writeLaunchers` returned.
 */
export const policyPack = ({ origin }: Pick<Engine, "origin">, bin: string): string =>
  origin === "built" ? join(bin, PACK) : POLICIES;

async function executable(path: string, command: string): Promise<void> {
  await writeFile(
    path,
    `#!/bin/sh\n# Loaders meant for the program would only slow this one down.\nunset NODE_OPTIONS\n${command}\n`,
  );
  await chmod(path, 0o755);
}
