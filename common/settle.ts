/** Failures in concurrent work: everything that was started ends, and cleanup runs, before the error is thrown. */

/** Like `Promise.all`, but waits for the end of all. @throws the first error, in the order of the list. */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** Runs all steps in order, even after a failure. @throws the first error, once all are done. */
export async function inTurn(...steps: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
