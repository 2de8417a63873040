/** How an error reaches the user: its message alone, a stack trace only when asked for. Exit code 1. */
import pc from "picocolors";
import { UserError } from "../common/errors.js";

export function reportAndExit(error: unknown, debug = false): never {
  const known = readable(error instanceof Error ? error : new Error(String(error)));
  const text = debug ? (known.stack ?? known.message) : known.message;
  process.stderr.write(`${pc.red("error:")} ${text}\n`);
  process.exit(1);
}

/** A missing package: the installation is incomplete, or made by `npm ci --omit=dev` and the command runs the lab. */
function readable(error: Error): Error {
  const [, name] = /^Cannot find package '([^']+)'/.exec(error.message) ?? [];
  if (!name) return error;
  return new UserError(
    `package '${name}' is not installed`,
    "The installation is incomplete, or it lacks the development packages, which commands of the lab need.",
    "npm ci",
  );
}
