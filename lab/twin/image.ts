/**
 * The machine image of the twin: a Debian 12 root made by the very scripts that make the AMIs, built once into
 * the user's cache, and beside it the project's own programs, which change more often.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { execa } from "execa";
import { UserError } from "../../common/errors.js";
import { cacheDir, exists, REPO } from "../../common/paths.js";
import type { Progress } from "../../common/progress.js";
import { type PayloadFile, payloadFiles, writePayload } from "../../nodes/image/payload.js";
import { debianMirrors, requireHost } from "./host.js";

export interface NodeImage {
  /** Root of the file system, for both kinds of machine. Read-only for its users: other twins share it. */
  readonly root: string;
  /** Folder to lay over the root (it mirrors the file system): scripts, the twin's hooks, the guard. */
  readonly payload: string;
}

const SCRIPTS = join(REPO, "nodes/image");
const BUILD = join(REPO, "lab/twin/image/build.sh");
const PACKAGES = join(REPO, "lab/twin/image/packages.txt");

/**
 * Builds what isn't there yet: the root takes one to two minutes, the payload a second.
 * @throws UserError when this machine can't, or when a mirror or PyPI doesn't answer.
 */
export async function ensureImage(progress: Progress): Promise<NodeImage> {
  await requireHost(progress);
  await mkdir(cacheDir(), { recursive: true });
  const image = { root: await ensureRoot(progress), payload: await ensurePayload() };
  await prune(image);
  return image;
}

/** Days after its last use that an image is kept: going back to an earlier commit needn't build it again. */
const KEPT_DAYS = 7;

/** Marks this image as used, and removes images and workloads unused for long: a root is a gigabyte. */
async function prune({ root, payload }: NodeImage): Promise<void> {
  const now = new Date();
  const current = [dirname(root), payload];
  await Promise.all(current.map((folder) => utimes(folder, now, now)));
  for (const name of await readdir(cacheDir())) {
    const folder = join(cacheDir(), name);
    if (!/^(node-root-|node-payload-|workload-)[0-9a-f]{12}(\.mjs)?$/.test(name) || current.includes(folder))
      continue;
    const idle = now.getTime() - (await stat(folder)).mtimeMs;
    if (idle > KEPT_DAYS * 86_400_000) await rm(folder, { recursive: true, force: true });
  }
}

/** Text with the name and version of every package in the image, one a line. */
export const imageManifest = (image: NodeImage): Promise<string> =>
  readFile(join(image.root, "../manifest.txt"), "utf8");

async function ensureRoot(progress: Progress): Promise<string> {
  const target = join(cacheDir(), `node-root-${await inputsHash()}`);
  const root = join(target, "root");
  if (await exists(target)) return root;
  const mirrors = await debianMirrors();
  await progress.during("build the machines' image (Debian 12, once, about 2 minutes)", async () => {
    progress.note(`debootstrap from ${mirrors.main}, Patroni and Node from PyPI; in ${target}`);
    const log = `${target}.log`;
    const { exitCode, signal } = await execa(
      "unshare",
      ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"].concat(
        BUILD,
        target,
        SCRIPTS,
        PACKAGES,
      ),
      {
        env: { MIRROR: mirrors.main, SECURITY_MIRROR: mirrors.security },
        stdin: "ignore",
        stdout: { file: log },
        stderr: { file: log },
        reject: false,
        // `unshare --fork` ignores the gentler ones; its children go with it.
        killSignal: "SIGKILL",
      },
    );
    if (exitCode === 0) return;
    throw new UserError(
      "the machines' image could not be built",
      `${lastLines(await readFile(log, "utf8"))}\n  The whole log: ${log}${signal ? ` (ended by ${signal})` : ""}`,
      `see that ${mirrors.main} and PyPI can be reached, then run the command again`,
    );
  });
  await rm(`${target}.log`, { force: true });
  return root;
}

async function ensurePayload(): Promise<string> {
  const files = await payloadFiles("lab/twin/platform");
  const target = join(cacheDir(), `node-payload-${hashOf(files.map(describe))}`);
  if (await exists(target)) return target;
  const scratch = `${target}.${process.pid}`;
  await writePayload(files, scratch);
  // Somebody else may have been quicker; theirs is the same.
  await rename(scratch, target).catch(() => rm(scratch, { recursive: true, force: true }));
  return target;
}

/** Of everything that the root is made from: a change of any builds another. */
async function inputsHash(): Promise<string> {
  const scripts = (await readdir(SCRIPTS)).filter((name) => ROOT_INPUTS.test(name)).sort();
  const inputs = [...scripts.map((name) => join(SCRIPTS, name)), BUILD, PACKAGES];
  const texts = await Promise.all(
    inputs.map(async (file) => `${relative(REPO, file)}\0${await readFile(file, "utf8")}`),
  );
  return hashOf([process.arch, ...texts]);
}

/** Not `install-aws.sh`, which is for AMIs only. */
const ROOT_INPUTS = /^(common\.sh|install-(database|tomcat)\.sh|(node-)?requirements\.txt)$/;

const describe = ({ path, mode, content }: PayloadFile) => `${path}\0${mode}\0${content}`;

const hashOf = (texts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 12);

const lastLines = (text: string): string => text.trim().split("\n").slice(-6).join("\n  ");
