/** Locks in the sandbox's file state. A run that was killed leaves its own behind. */
import { readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { sandboxDir } from "./paths.js";

/** Removes locks whose process is gone from this machine. @returns how many there were. */
export async function removeStaleLocks(): Promise<number> {
  const root = join(sandboxDir(), "state/.pulumi/locks");
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  let removed = 0;
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith(".json")) continue;
    const file = join(entry.parentPath, entry.name);
    const lock = JSON.parse(await readFile(file, "utf8")) as { pid?: number; hostname?: string };
    if (lock.hostname !== hostname() || !lock.pid || lives(lock.pid)) continue;
    await rm(file, { force: true });
    removed++;
  }
  return removed;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
