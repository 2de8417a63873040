/** Reading and deleting things that may be gone. */

const GONE = /NotFound|NoSuch|NotExist|does not exist|404/;

const isGone = (error: unknown): boolean => {
  const { name = "", message = "", $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  return GONE.test(name) || $metadata?.httpStatusCode === 404 || /not found|does not exist/i.test(message);
};

/** The answer, or undefined when AWS says that the thing doesn't exist. Any other error is thrown. */
export async function unlessGone<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
