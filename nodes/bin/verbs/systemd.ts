import { type Done, run } from "./commands.js";

/** Whether it worked is in the exit code. What it complains of is passed on, too. */
export async function systemctl(...words: readonly string[]): Promise<Done> {
  const done = await run(["systemctl", ...words], { stderr: "pipe" });
  process.stderr.write(done.stderr);
  return done;
}

export const PATRONI_UNIT = "patroni.service";
