/** Going on after a failure: what was begun must have ended, and what clears up must be done, before anybody hears of it. */

/** Like `Promise.all`, but waits for the end of all. @throws the first error, in the order of the list. */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** Does one after the other, whatever fails. @throws the first error, once all are done. */
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
