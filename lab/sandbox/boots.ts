/**
 * Under which starts of the emulator each stack was worked on. What an earlier emulator held is gone, so a
 * stack that may still believe in it must be read again.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sandboxDir } from "../../common/paths.js";

const file = (stack: string) => join(sandboxDir(), "boots", stack);

async function boots(stack: string): Promise<string[]> {
  return (await readFile(file(stack), "utf8").catch(() => "")).split("\n").filter(Boolean);
}

async function write(stack: string, ids: readonly string[]): Promise<void> {
  await mkdir(join(sandboxDir(), "boots"), { recursive: true });
  await writeFile(file(stack), ids.join("\n"));
}

/** Called before a run: from now on the stack may hold something of this emulator, even if the run fails. */
export async function startedUnder(stack: string, bootId: string): Promise<void> {
  await write(stack, [...new Set([...(await boots(stack)), bootId])]);
}

/** Called after a run that succeeded: everything in the stack is of this emulator. */
export const settledUnder = (stack: string, bootId: string): Promise<void> => write(stack, [bootId]);

/** Whether the stack may hold things of an emulator that is gone. */
export const outlived = async (stack: string, bootId: string): Promise<boolean> =>
  (await boots(stack)).some((id) => id !== bootId);
