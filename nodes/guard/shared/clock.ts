import type { ClientRequest } from "node:http";

/** Milliseconds of CLOCK_MONOTONIC, which never steps. The kernel helper reads the same clock. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

/** The guard's source of time. The simulators replace it. */
export interface Clock {
  /** Milliseconds of a clock that never steps. */
  now(): number;
  /** Milliseconds since 1970, for values that other machines read. */
  wall(): number;
  sleep(millis: number): Promise<void>;
}

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

export const MACHINE_CLOCK: Clock = { now: monotonic, wall: Date.now, sleep };

/**
 * Calls back after this time unless the answer comes first. Answers that have arrived by then are read before: after a
 * pause, when all timers are due, the process reads its sockets first.
 * @returns a function to call when the answer arrives
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

/** The same for a request: ends it and closes its socket. */
export function limitRequest(outgoing: ClientRequest, millis: number): void {
  outgoing.once(
    "close",
    timeLimit(millis, (error) => outgoing.destroy(error)),
  );
}
