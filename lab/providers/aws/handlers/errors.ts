/** Reading and deleting things that may be gone; errors that don't tell secrets. */
import type { Props } from "../../values.js";
import type { AwsHandler } from "./handler.js";

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

/** Keeps the values of the named inputs out of errors: services quote what they refuse. */
export function discreet(handler: AwsHandler, ...names: string[]): AwsHandler {
  const guarded =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>, inputsAt: number) =>
    async (...args: A): Promise<R> => {
      try {
        return await call(...args);
      } catch (error) {
        const inputs = args[inputsAt] as Props;
        for (const name of names) redact(error as Error, inputs[name]);
        throw error;
      }
    };
  const { update } = handler;
  return {
    ...handler,
    create: guarded(handler.create, 1),
    ...(update && { update: guarded(update, 2) }),
  };
}

function redact(error: Error, secret: unknown): void {
  if (typeof secret !== "string" || secret === "") return;
  for (const text of spellings(secret)) {
    error.message = error.message.replaceAll(text, "[secret]");
    error.stack = error.stack?.replaceAll(text, "[secret]");
  }
  if (error.cause instanceof Error) redact(error.cause, secret);
}

/** The secret, the way JSON writes it, and each text within it when it is JSON itself. Longest first. */
function spellings(secret: string): string[] {
  const texts = [secret, JSON.stringify(secret).slice(1, -1)];
  try {
    JSON.parse(secret, (_key, value) => {
      if (typeof value === "string" && value !== "") texts.push(value);
      return value;
    });
  } catch {
    // No JSON: the text itself is all there is.
  }
  return texts.sort((a, b) => b.length - a.length);
}
