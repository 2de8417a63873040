/** Files that must survive a crash. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { asPostgres, output } from "./commands.js";

/**
 * Replaces a file completely or not at all, and syncs it to the disk. The folder may be another user's, who could have put a
 * link to a file of root there: it writes only to a file that it has just made.
 */
export function replaceFile(path: string, text: string): void {
  rmSync(`${path}.new`, { force: true });
  const file = openSync(`${path}.new`, "wx", 0o644);
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

/** Gives files to PostgreSQL's user. Never what a link points to. */
export async function own(...paths: readonly string[]): Promise<void> {
  if (process.geteuid?.() === 0) await output(["chown", "--no-dereference", "postgres:postgres", ...paths]);
}

/** Creates empty files in a folder of PostgreSQL's user, as that user: folders above it may be links. */
export async function touchAsPostgres(paths: readonly string[]): Promise<void> {
  if (paths.length > 0) await output(asPostgres(["touch", "--", ...paths]));
}
