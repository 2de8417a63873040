/**
 * The project's own programs on a machine: the `dr-*` scripts and their modules, the platform's hooks, the guard, and the
 * units that run them, and the kernel's rules that are the same for all settings. They change more often than an image's packages, so they are a separate layer: files whose paths
 * mirror the file system.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { METADATA_USERS, renderMetadataRules } from "../render/metadata.js";
import { UNITS } from "../render/units.js";

export interface PayloadFile {
  /** Relative to the machine's root, e.g. `usr/local/sbin/dr-reconcile`. */
  readonly path: string;
  readonly mode: 0o644 | 0o755;
  readonly content: string;
}

const REPO = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAMS = "usr/local/sbin";
const LIBRARIES = "usr/local/lib/dr";

/** The major version in `node-requirements.txt`. */
const NODE_TARGET = "node24";

/**
 * Sorted by path, so that the same sources always give the same list.
 * @param hooks folder of the repository with the platform's hooks: `dr-get-secret` and the like
 */
export async function payloadFiles(hooks = "nodes/platform/aws"): Promise<PayloadFile[]> {
  const files = [
    ...(await programsOf("nodes/bin")),
    ...(await programsOf(hooks)),
    ...(await bundles()),
    ...(await library("nodes/bin/library")),
    ...units(),
    ...metadataRules(),
  ];
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Writes the payload below a folder that needn't exist. */
export async function writePayload(files: readonly PayloadFile[], folder: string): Promise<void> {
  for (const { path, mode, content } of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, content, { mode });
  }
}

async function programsOf(folder: string): Promise<PayloadFile[]> {
  const names = (await readdir(join(REPO, folder))).filter((name) => name.startsWith("dr-"));
  return Promise.all(
    names.map(async (name) => ({
      path: `${PROGRAMS}/${name}`,
      mode: 0o755 as const,
      content: await readFile(join(REPO, folder, name), "utf8"),
    })),
  );
}

const units = (): PayloadFile[] =>
  Object.entries(UNITS).map(([name, content]) => ({
    path: `etc/systemd/system/${name}`,
    mode: 0o644,
    content,
  }));

const metadataRules = (): PayloadFile[] =>
  (Object.keys(METADATA_USERS) as (keyof typeof METADATA_USERS)[]).map((kind) => ({
    path: `${LIBRARIES}/metadata-${kind}.nft`,
    mode: 0o644,
    content: renderMetadataRules(kind),
  }));

/** The modules that the scripts share. */
async function library(folder: string): Promise<PayloadFile[]> {
  const names = (await readdir(join(REPO, folder))).filter((name) => name.endsWith(".py"));
  return Promise.all(
    names.map(async (name) => ({
      path: `${LIBRARIES}/${name}`,
      mode: 0o644 as const,
      content: await readFile(join(REPO, folder, name), "utf8"),
    })),
  );
}

/** The guard and the verbs as one file each that needs nothing but Node, and the helper that talks to the kernel. */
async function bundles(): Promise<PayloadFile[]> {
  const folder = join(REPO, "nodes/guard/shared");
  const helpers = (await readdir(folder)).filter((name) => name.endsWith(".py"));
  const library = async (name: string, content: string | Promise<string>): Promise<PayloadFile> => ({
    path: `${LIBRARIES}/${name}`,
    mode: 0o644,
    content: await content,
  });
  return Promise.all([
    library("guard.cjs", bundle("nodes/guard/main.ts")),
    library("dr.cjs", bundle("nodes/bin/verbs/main.ts")),
    ...helpers.map((name) => library(name, readFile(join(folder, name), "utf8"))),
  ]);
}

/** @param entry relative to the repository */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    // esbuild writes the sources' paths into comments: they must be relative, so that each checkout gives the same file.
    absWorkingDir: REPO,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: NODE_TARGET,
    legalComments: "inline",
    logLevel: "silent",
  });
  return (outputFiles[0] as (typeof outputFiles)[number]).text;
}
