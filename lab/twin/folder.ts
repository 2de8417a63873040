/** The folder of a twin: who uses it, what in it is the twin's own, and how it is cleared of that and nothing else. */
import { chmod, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../../common/errors.js";
import { exists } from "../../common/paths.js";
import { commandLine } from "../../common/processes.js";

/** All that a twin puts into its folder. */
const OWN = ["claims", "vault", "machines", "platform", "twin.json", "twin.json.new", "twin.log", "twin.pid"];
/** Not `claims`, `machines` or `platform`: others name their folders so too. A kept folder has `platform/parameters`. */
const SIGNS = ["twin.json", "twin.log", "twin.pid", "platform/parameters"];

const pidFile = (dir: string) => join(dir, "twin.pid");

export interface Holder {
  readonly pid: number;
  /** As it was started, words parted by spaces. */
  readonly command: string;
  /** Whether it is what `dr twin up` left running; else a drill, a benchmark or a test. */
  readonly isHold: boolean;
}

/** The living process that uses the folder; undefined when none does. */
export async function holderOf(dir: string): Promise<Holder | undefined> {
  const pid = Number(await readFile(pidFile(dir), "utf8").catch(() => ""));
  if (!pid) return undefined;
  const command = await commandLine(pid);
  // Its number may have been given to somebody else's process.
  if (!command.includes(basename(process.execPath))) return undefined;
  return { pid, command, isHold: / twin hold\b/.test(command) };
}

/**
 * Writes down that a process uses the folder, and makes the folder if need be.
 * @param pid another's, to hand it over to one that was started for it.
 * @throws UserError when another process uses it already, or when what is in it is no twin's.
 */
export async function takeFolder(dir: string, pid = process.pid): Promise<void> {
  await requireFree(dir, [pid, process.pid]);
  await mkdir(dir, { recursive: true });
  // Passwords and keys are in it, in files that machines must be able to read.
  await chmod(dir, 0o700);
  await writeFile(pidFile(dir), `${pid}`);
}

async function requireFree(dir: string, own: readonly number[]): Promise<void> {
  const holder = await holderOf(dir);
  if (holder && !own.includes(holder.pid)) {
    throw new UserError(
      `a twin is running in ${dir} (process ${holder.pid}: ${holder.command})`,
      "Two twins can't share a folder.",
      `${holder.isHold ? "stop it with npx dr twin down" : "wait until it ends"}, or set DR_TWIN_DIR to another folder`,
    );
  }
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new UserError(
      `${dir} can't be the twin's folder`,
      `${error.message}.`,
      "set DR_TWIN_DIR to another folder",
    );
  });
  if (entries.length > 0 && !(await isTwins(dir))) {
    throw new UserError(
      `${dir} is not a twin's folder`,
      `There is something else in it, ${entries[0]} for one.`,
      "set DR_TWIN_DIR to a folder that is empty or not there",
    );
  }
}

const isTwins = async (dir: string): Promise<boolean> =>
  (await Promise.all(SIGNS.map((sign) => exists(join(dir, sign))))).includes(true);

/** Removes what a twin has put there, and the folder itself when nothing else is in it. Leaves any other folder alone. */
export async function clearFolder(dir: string): Promise<void> {
  if (!(await isTwins(dir))) return;
  for (const name of OWN) await rm(join(dir, name), { recursive: true, force: true });
  await rmdir(dir).catch((error: NodeJS.ErrnoException) => {
    // Something of the user's is in it, or it is a link or a mount.
    if (!["ENOTEMPTY", "EEXIST", "ENOTDIR", "EBUSY"].includes(error.code ?? "")) throw error;
  });
}

/** Gives the folder of a twin that has ended another name beside it, so that the next one doesn't clear it. @returns the name. */
export async function setAside(dir: string, suffix: string): Promise<string | undefined> {
  if (!(await isTwins(dir))) return undefined;
  const target = `${dir}-${suffix}`;
  await clearFolder(target);
  await rename(dir, target);
  return target;
}
