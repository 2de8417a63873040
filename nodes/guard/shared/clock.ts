import type { ClientRequest } from "node:http";

/** Milliseconds of CLOCK_MONOTONIC: the clock that the kernel helper reads too. It never steps. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What the guard's loops know of time. A simulator has another. */
export interface Clock {
  /** Milliseconds of a clock that never steps. */
  now(): number;
  /** Milliseconds since 1970: for what other machines read. */
  wall(): number;
  sleep(millis: number): Promise<void>;
}

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

export const MACHINE_CLOCK: Clock = { now: monotonic, wall: Date.now, sleep };

/**
 * Calls back after so long, unless it is told before that there is an answer; and not before what has been answered by
 * then was read: a process that stood still, with its timers all due, reads its sockets first.
 * @returns to be called on the answer.
 */
export function timeLimit(millis: number, onOver: (error: Error) => void): () => void {
  let done = false;
  const over = () => {
    if (!done) onOver(new Error(`no answer within ${Math.ceil(millis)} ms`));
  };
  const timer = setTimeout(() => setImmediate(over), Math.ceil(millis));
  timer.unref();
  return () => {
    done = true;
    clearTimeout(timer);
  };
}

/** The same for a request: it is given up, and its socket closed. */
export function limitRequest(outgoing: ClientRequest, millis: number): void {
  outgoing.once(
    "close",
    timeLimit(millis, (error) => outgoing.destroy(error)),
  );
}
