/** A separate sandbox for a demo, a bench or a test: another folder, any free port, nothing left running. */
import { join } from "node:path";
import { sandboxDir } from "../../common/paths.js";
import { stopEmulator } from "./emulator/emulator.js";
import { resetSandbox } from "./lifecycle.js";

/**
 * Runs `work` with `DR_SANDBOX_DIR` set to a fresh folder within this sandbox's; stops its emulator
 * whatever happens, also on Ctrl-C.
 */
export async function temporarySandbox<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = process.env.DR_SANDBOX_DIR;
  process.env.DR_SANDBOX_DIR = join(sandboxDir(), name);
  const interrupted = () => {
    void stopEmulator().finally(() => process.exit(130));
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  try {
    await resetSandbox();
    return await work();
  } finally {
    await stopEmulator();
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
    if (before === undefined) delete process.env.DR_SANDBOX_DIR;
    else process.env.DR_SANDBOX_DIR = before;
  }
}
