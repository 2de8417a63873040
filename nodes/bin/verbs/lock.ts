/** A lock between processes. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { CommandFailed } from "./commands.js";

/** Waits until the lock is free, and holds it during `work`. It ends with this process at the latest. */
export async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  const file = openSync(path, "w");
  try {
    // flock(1) locks the open file that this process shares with it, so the lock stays after flock has ended.
    const locking = spawn("flock", ["--exclusive", "3"], { stdio: ["ignore", "inherit", "inherit", file] });
    const [code] = (await once(locking, "exit")) as [number | null];
    if (code !== 0) throw new CommandFailed(["flock", path], code ?? 1);
    return await work();
  } finally {
    closeSync(file);
  }
}
