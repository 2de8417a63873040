/** What a run that was killed leaves in the sandbox's file state: its lock, and perhaps half a checkpoint. */
import { copyFile, readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { sandboxDir } from "../../common/paths.js";
import { processRuns } from "../../common/processes.js";

/** The state of the account's stacks, and the one of stack `copy`. */
const pulumiDirs = () => ["state", "state-of-copy"].map((state) => join(sandboxDir(), state, ".pulumi"));

/**
 * Removes locks whose process is gone from this machine, and takes the last whole checkpoint where the
 * newest can't be read.
 * @returns whether there was such a run.
 */
export async function clearKilledRuns(): Promise<boolean> {
  const stale = await filesBelow("locks", async (file) => {
    if (file.endsWith(".attrs")) return false;
    // A truncated lock names no process.
    if (!(await isJson(file))) return true;
    const lock = JSON.parse(await readFile(file, "utf8")) as { pid?: number; hostname?: string };
    return lock.hostname === hostname() && lock.pid !== undefined && !(await processRuns(lock.pid, "pulumi"));
  });
  for (const file of stale)
    await Promise.all([rm(file, { force: true }), rm(`${file}.attrs`, { force: true })]);
  // The engine writes checkpoints in place, after it copied the one before; their attributes may be missing,
  // but not torn.
  // A file that a living run is just writing looks torn, too.
  if ((await filesBelow("locks", async (file) => file.endsWith(".json"))).length > 0) return stale.length > 0;
  const torn = await filesBelow("stacks", async (file) => !(await isJson(file)));
  for (const file of torn) {
    await rm(file, { force: true });
    if (file.endsWith(".attrs")) continue;
    await rm(`${file}.attrs`, { force: true });
    if (await isJson(`${file}.bak`)) await copyFile(`${file}.bak`, file);
  }
  return stale.length > 0 || torn.length > 0;
}

/** Processes that hold a lock of that stack. */
export async function lockHolders(stack: string): Promise<number[]> {
  const files = await filesBelow(
    "locks",
    async (file) => file.endsWith(".json") && file.includes(`/${stack}/`),
  );
  const locks = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(file, "utf8")) as { pid: number }),
  );
  return locks.map(({ pid }) => pid);
}

async function filesBelow(folder: string, wanted: (file: string) => Promise<boolean>): Promise<string[]> {
  const entries = (
    await Promise.all(
      pulumiDirs().map((root) =>
        readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []),
      ),
    )
  ).flat();
  const files: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile() || !/\.json(\.attrs)?$/.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    if (await wanted(file)) files.push(file);
  }
  return files;
}

async function isJson(file: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(file, "utf8"));
    return true;
  } catch {
    return false;
  }
}
