/** How an error reaches the user: its message alone, a stack trace only when asked for. Exit code 1. */
import pc from "picocolors";

export function reportAndExit(error: unknown, debug = false): never {
  const known = error instanceof Error ? error : new Error(String(error));
  const text = debug ? (known.stack ?? known.message) : known.message;
  process.stderr.write(`${pc.red("error:")} ${text}\n`);
  process.exit(1);
}
