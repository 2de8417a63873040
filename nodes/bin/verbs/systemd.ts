import { type Done, run } from "./commands.js";

/** Passes on systemctl's errors. The exit code shows whether it succeeded. */
export async function systemctl(...words: readonly string[]): Promise<Done> {
  const done = await run(["systemctl", ...words], { stderr: "pipe" });
  process.stderr.write(done.stderr);
  return done;
}
