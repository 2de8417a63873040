import { run } from "./commands.js";

/** Never throws: what became of it is in the exit code. */
export const systemctl = (...words: readonly string[]) => run(["systemctl", ...words]);

export const PATRONI_UNIT = "patroni.service";
