/** How the parts of a workload keep their pace. */
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "./clock.js";

/** Pause after a failure: short, because a gap in writes must be the servers', not the client's. */
export const RETRY_MILLIS = 15;

export const pause = (millis: number): Promise<void> => sleep(Math.max(0, millis));

/**
 * Calls `turn` every `intervalMillis`, never two at a time; a turn that took longer is followed at once by the
 * next, and missed turns are not made up for.
 */
export async function paced(
  intervalMillis: number,
  stopping: AbortSignal,
  turn: () => Promise<void>,
): Promise<void> {
  let next = now();
  while (!stopping.aborted) {
    await turn();
    next = Math.max(next + intervalMillis, now());
    await pause(next - now());
  }
}
