/** Other processes on this node. */
import { readdirSync, readFileSync } from "node:fs";

/** Whether Patroni runs on this node. A process that ends during the search doesn't count. */
export function patroniRuns(proc = "/proc"): boolean {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        const words = readFileSync(`${proc}/${pid}/cmdline`, "utf8").split("\0");
        // Patroni is a script: its interpreter comes first.
        return words.slice(0, 2).some((word) => word.endsWith("/patroni"));
      } catch {
        return false;
      }
    });
}
