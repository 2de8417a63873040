import { readFile } from "node:fs/promises";

/** The command line of a process, with spaces between its words. Empty if it has ended or the host has no /proc. */
export const commandLine = async (pid: number): Promise<string> =>
  (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ").trim();

/**
 * Whether the process runs and is the expected one. The system may have reused its number, and an ended process that
 * wasn't reaped keeps its number, with an empty command line.
 */
export async function processRuns(pid: number, word: string): Promise<boolean> {
  if (process.platform === "linux") return (await commandLine(pid)).includes(word);
  // Without /proc, only the number is known.
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
