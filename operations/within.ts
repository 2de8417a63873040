/** A region that is down must not delay the answer about the other one. */
export const REGION_ANSWERS_MILLIS = 5_000;

/** @throws Error when the work takes longer. It goes on, and its result is dropped. */
export async function within<T>(millis: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${millis / 1000} s`)), millis);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
