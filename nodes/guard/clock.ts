/** Milliseconds of CLOCK_MONOTONIC: the clock that the kernel helper reads too. It never steps. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

/**
 * Aborts after so long, but not what has been answered by then: a process that stood still, with its timers all
 * due, reads its sockets first.
 */
export function timeLimit(millis: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => setImmediate(() => controller.abort()), Math.ceil(millis)).unref();
  return controller.signal;
}
