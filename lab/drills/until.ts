/** Waiting for a condition, with what was last in its way. */
import { setTimeout as sleep } from "node:timers/promises";
import { now } from "../workload/clock.js";
import { patience } from "./patience.js";

/**
 * @param condition asked again and again; throwing counts as not yet.
 * @returns what it gave that is neither undefined nor false.
 * @throws Error naming what was waited for, and what the condition last threw.
 */
export async function until<T>(
  what: string,
  timeoutSeconds: number,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  pollMillis = 50,
): Promise<T> {
  const seconds = timeoutSeconds * patience();
  const end = now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (now() > end) {
      const why = last instanceof Error ? `: ${last.message}` : "";
      throw new Error(`not within ${seconds} s: ${what}${why}`);
    }
    await sleep(pollMillis);
  }
}
