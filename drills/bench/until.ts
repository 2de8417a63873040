/** Waiting for a condition, with what was last in its way. */
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "../workload/clock.js";

const POLL_MILLIS = 100;

/** @throws Error naming what was waited for, and what the condition last threw. */
export async function until(
  what: string,
  timeoutSeconds: number,
  condition: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = now() + timeoutSeconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    if (now() > end) {
      const why = last instanceof Error ? `: ${last.message}` : "";
      throw new Error(`not within ${timeoutSeconds} s: ${what}${why}`);
    }
    await sleep(POLL_MILLIS);
  }
}
