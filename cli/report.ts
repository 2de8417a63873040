/** How an error reaches the user: its message alone, a stack trace only when asked for. Exit code 1. */
import pc from "picocolors";
import { UserError } from "../common/errors.js";

export function reportAndExit(error: unknown, debug = false): never {
  const known = readable(error instanceof Error ? error : new Error(String(error)));
  const text = debug ? (known.stack ?? known.message) : known.message;
  process.stderr.write(`${pc.red("error:")} ${text}\n`);
  process.exit(1);
}

/** A package that isn't there: `npm ci --omit=dev` leaves out those that only the lab and the tests need. */
function readable(error: Error): Error {
  const [, name] = /^Cannot find package '([^']+)'/.exec(error.message) ?? [];
  if (!name) return error;
  return new UserError(
    `package '${name}' is not installed`,
    "This command runs the lab, which needs development packages.",
    "npm ci",
  );
}
