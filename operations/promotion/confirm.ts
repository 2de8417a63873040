/** Asks the operator, on the terminal. */
import { createInterface } from "node:readline";
import { UserError } from "../../settings/problem.js";

export interface Asking {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
  /** Answered beforehand. */
  readonly yes: boolean;
}

/** @returns whether he typed `yes`. @throws UserError without a terminal: silence is no answer. */
export async function askToConfirm(question: string, { input, output, yes }: Asking): Promise<boolean> {
  if (yes) return true;
  if (!input.isTTY) {
    throw new UserError(
      "nobody can be asked: standard input is no terminal",
      "A promotion is a person's decision. Nothing was changed.",
      "give --yes where it has been decided already",
    );
  }
  const lines = createInterface({ input, output });
  const answer = await new Promise<string>((resolve) => {
    // Ctrl-C and a closed terminal are a no.
    lines.once("SIGINT", () => resolve(""));
    lines.once("close", () => resolve(""));
    lines.question(`\n${question}`, resolve);
  });
  lines.close();
  return answer.trim().toLowerCase() === "yes";
}
