import type { Command } from "commander";

/** Gives commander's errors about the command line the form of all others: what is wrong, then the help of that very verb. */
export function reportUsageErrors(command: Command, path = "npx dr"): void {
  command.configureOutput({
    outputError: (text, write) => {
      const [what = "", ...hints] = text.trim().split("\n");
      write([what, ...hints.map((hint) => `  ${hint}`), `  → see ${path} --help`, ""].join("\n"));
    },
  });
  for (const verb of command.commands) reportUsageErrors(verb, `${path} ${verb.name()}`);
}
