import { readFile } from "node:fs/promises";

/** How a process was started, words parted by spaces. Empty when it has ended, or where there is no /proc. */
export const commandLine = async (pid: number): Promise<string> =>
  (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ").trim();

/**
 * Whether that process lives and runs what we think. Its number may have been given to somebody else's; and
 * one that ended but was not reaped still has its number, with an empty command line.
 */
export async function processRuns(pid: number, word: string): Promise<boolean> {
  if (process.platform === "linux") return (await commandLine(pid)).includes(word);
  // No /proc: the number is all there is to go by.
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
