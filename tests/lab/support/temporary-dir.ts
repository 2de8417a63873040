/** A sandbox folder of a test file's own; its emulator is stopped and the folder removed at the end. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stopEmulator } from "../../../lab/sandbox/emulator/emulator.js";

export function withTemporaryDir() {
  const before = process.env.DR_SANDBOX_DIR;
  return {
    async enter(): Promise<string> {
      const dir = await mkdtemp(join(tmpdir(), "dr-sandbox-"));
      process.env.DR_SANDBOX_DIR = dir;
      return dir;
    },
    async leave(): Promise<void> {
      await stopEmulator();
      await rm(process.env.DR_SANDBOX_DIR as string, { recursive: true, force: true });
      if (before === undefined) delete process.env.DR_SANDBOX_DIR;
      else process.env.DR_SANDBOX_DIR = before;
    },
  };
}
