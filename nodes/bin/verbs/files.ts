/** Files that must outlast a crash. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { output } from "./commands.js";

/** The file whole or not at all, and on the disk. */
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

/** A name that changed is on the disk only then. */
export function syncFolder(folder: string): void {
  const opened = openSync(folder, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

export const removeTree = (path: string): void => rmSync(path, { recursive: true, force: true });

/** They belong to PostgreSQL's user from then on. */
export async function own(...paths: readonly string[]): Promise<void> {
  if (process.geteuid?.() === 0) await output(["chown", "postgres:postgres", ...paths]);
}
