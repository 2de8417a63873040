/** Milliseconds of CLOCK_MONOTONIC: the clock that the kernel helper reads too. It never steps. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));
