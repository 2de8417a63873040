/** Files that must survive a crash. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { output } from "./commands.js";

/** Replaces a file completely or not at all, and syncs it to the disk. */
export function replaceFile(path: string, text: string): void {
  const file = openSync(`${path}.new`, "w", 0o644);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  syncFolder(dirname(path));
}

/** Syncs a changed file name to the disk. */
export function syncFolder(folder: string): void {
  const opened = openSync(folder, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

export const removeTree = (path: string): void => rmSync(path, { recursive: true, force: true });

/** Gives files to PostgreSQL's user. */
export async function own(...paths: readonly string[]): Promise<void> {
  if (process.geteuid?.() === 0) await output(["chown", "postgres:postgres", ...paths]);
}
