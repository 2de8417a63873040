/** What every part of a workload shares: where it tells, when it must end, and how it keeps its pace. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Arrivals, now } from "./clock.js";
import type { WorkloadConfig, WorkloadEvent } from "./events.js";

export interface Surroundings {
  readonly database: WorkloadConfig["database"];
  readonly arrivals: Arrivals;
  emit(event: WorkloadEvent): void;
  /** Nothing new begins once it is aborted; what is in flight is waited for. */
  readonly stopping: AbortSignal;
}

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
