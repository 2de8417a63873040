/**
 * What stands in for things outside of the machines (the link, the claim table, users) must not wait for the machines'
 * own work: it would be a model of neither. On two cores, with two regions, it would wait for seconds.
 *
 * Linux's autogroups share the processor between *sessions*, whatever their processes' nice values are. Each service
 * of a machine is a session, and this process with all that it starts on the host is one among a hundred.
 */
import { readFile, writeFile } from "node:fs/promises";

/** Begins the command of such a program. */
export const NEVER_WAITS = ["nice", "-n", "-15", "--"] as const;

const FILE = "/proc/self/autogroup";
const NICE = -15;

/**
 * Lifts this process's session above those of the machines, where the kernel has autogroups and lets it.
 * @returns what puts it back.
 */
export async function liftSession(): Promise<() => Promise<void>> {
  // e.g. "/autogroup-4 nice 0"
  const before = /nice (-?\d+)/.exec(await readFile(FILE, "utf8").catch(() => ""))?.[1];
  if (before === undefined) return async () => {};
  const lift = (nice: string) => writeFile(FILE, nice).catch(() => {});
  await lift(`${NICE}`);
  return () => lift(before);
}
