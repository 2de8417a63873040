/** Ctrl-C, a `kill`, a terminal that is closed: the twin is stopped in good order before the process ends. */
import type { Progress } from "../../common/progress.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** For work that was interrupted: no caller resumes, the process is about to end. */
export const forever = (): Promise<never> => new Promise(() => {});

/** Does `work`. When a signal comes first, does `clearUp` instead of waiting for it, and ends the process with code 130. */
export async function interruptible<T>(
  progress: Progress,
  clearUp: () => Promise<void>,
  work: () => Promise<T>,
): Promise<T> {
  let over = false;
  const interrupted = () => {
    // One Ctrl-C can come twice: from the terminal, and passed on by npm.
    if (over) return;
    over = true;
    // A terminal that has hung up takes no more words.
    for (const out of [process.stdout, process.stderr]) out.on("error", () => {});
    progress.line("interrupted: stopping the twin");
    clearUp().then(
      () => process.exit(130),
      (error: Error) => {
        progress.line(`the twin did not stop in good order: ${error.message}`);
        process.exit(130);
      },
    );
  };
  // Not `once`: execa's own listener ends the process when it finds itself the only one left.
  for (const signal of SIGNALS) process.on(signal, interrupted);
  try {
    return await work();
  } finally {
    if (over) await forever();
    for (const signal of SIGNALS) process.off(signal, interrupted);
  }
}
