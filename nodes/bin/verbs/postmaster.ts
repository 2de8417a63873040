/** Controls a PostgreSQL server by its data directory, no matter which program started it. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { IMAGE_PATHS } from "../../layout.js";
import { asPostgres, run } from "./commands.js";
import { removeTree } from "./files.js";

const STOP_SECONDS = 3600;

/** The postmaster's state: `starting`, `standby`, `ready`, `stopping`; undefined when it doesn't run. */
export function serverState(directory: string): string | undefined {
  try {
    const lines = readFileSync(join(directory, "postmaster.pid"), "utf8").split("\n");
    const pid = Math.abs(Number.parseInt(lines[0] ?? "", 10));
    // After a boot the process id may belong to another program. PostgreSQL's working directory is its data directory.
    if (Number.isNaN(pid) || !worksIn(pid, directory)) return undefined;
    return lines[7]?.trim() || "starting";
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function worksIn(pid: number, directory: string): boolean {
  try {
    const [its, own] = [statSync(`/proc/${pid}/cwd`), statSync(directory)];
    return its.dev === own.dev && its.ino === own.ino;
  } catch (error) {
    // Without the right to check, trusts the file.
    if (["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return true;
    throw error;
  }
}

export const isGone = (error: unknown): boolean =>
  ["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "");

/** Ends a server at once, and removes its data and the folder beside them. */
export async function removeCluster(directory: string, folder: string): Promise<void> {
  if (serverState(directory) !== undefined) await stopServer(directory, "immediate");
  for (const each of [directory, folder]) removeTree(each);
}

export async function stopServer(directory: string, mode: "fast" | "immediate"): Promise<void> {
  if (serverState(directory) === undefined) return;
  const words = ["-s", "-w", "-t", `${STOP_SECONDS}`, "-D", directory, "-m", mode, "stop"];
  const { code } = await run(asPostgres([`${IMAGE_PATHS.postgresBin}/pg_ctl`, ...words]), {
    stdout: "inherit",
  });
  if (code !== 0 && serverState(directory) !== undefined)
    throw new Error(`PostgreSQL of ${directory} does not stop`);
}
