/** Asks the operator, on the terminal. */
import { createInterface } from "node:readline";
import { UserError } from "../../common/errors.js";

export interface Asking {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
  /** The operator has confirmed in advance. */
  readonly yes: boolean;
}

/** `none`: Ctrl-C or a closed terminal. Nothing is changed then. */
export type Answer = "yes" | "no" | "none";

/** @throws UserError without a terminal: silence is not an answer. Check it before the preview, which takes time. */
export function requireTerminal({ input, yes }: Pick<Asking, "input" | "yes">): void {
  if (yes || input.isTTY) return;
  throw new UserError(
    "no confirmation possible: standard input is not a terminal",
    "A person must confirm this operation. Nothing was changed.",
    "pass --yes if the decision has been made already",
  );
}

/** Asks until the answer is clear. @throws UserError without a terminal. */
export async function askToConfirm(question: string, asking: Asking): Promise<Answer> {
  requireTerminal(asking);
  if (asking.yes) return "yes";
  const lines = createInterface({ input: asking.input, output: asking.output });
  try {
    return await new Promise<Answer>((resolve) => {
      lines.once("SIGINT", () => resolve("none"));
      lines.once("close", () => resolve("none"));
      const ask = (text: string) =>
        lines.question(text, (line) => {
          const answer = ANSWERS.get(line.trim().toLowerCase());
          if (answer) resolve(answer);
          else ask("yes or no? ");
        });
      ask(`\n${question}`);
    });
  } finally {
    lines.close();
  }
}

const ANSWERS: ReadonlyMap<string, Answer> = new Map([
  ["yes", "yes"],
  ["y", "yes"],
  ["no", "no"],
  ["n", "no"],
]);
