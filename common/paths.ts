/** Where the sandbox keeps files: state in the checkout, expensive builds in the user's cache. */
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const REPO = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Folder of the Pulumi.yaml whose settings sandbox and twin use. Default: the checkout; `DR_SETTINGS_DIR` names another one. */
export const settingsDir = (): string => resolve(process.env.DR_SETTINGS_DIR ?? REPO);

/** State of one sandbox. Default `.sandbox` in the checkout; `DR_SANDBOX_DIR` moves it. */
export const sandboxDir = (): string => resolve(process.env.DR_SANDBOX_DIR ?? join(REPO, ".sandbox"));

/** Files that are built or downloaded once per machine. */
export const cacheDir = (): string =>
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "disaster-recovery");

/** Whether a path exists and this process can reach it. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
