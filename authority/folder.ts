/** Where an operator keeps the authority: a folder that only the operator may enter, best on an encrypted disk. */
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../common/errors.js";
import type { Authority, NodeCertificate } from "./authority.js";

const CERTIFICATE = "authority.crt";
const KEY = "authority.key";

/**
 * Writes a new authority.
 * @throws UserError when the folder exists and isn't empty: an authority that nodes trust may be in it.
 */
export async function saveAuthority(folder: string, authority: Authority): Promise<void> {
  await makeNewFolder(folder);
  await writeFile(join(folder, KEY), authority.key, { mode: 0o600, flag: "wx" });
  await writeFile(join(folder, CERTIFICATE), authority.certificate, { mode: 0o644, flag: "wx" });
}

/**
 * Reads an authority that was written before.
 * @throws UserError when it isn't there, or when others may read the key.
 */
export async function loadAuthority(folder: string): Promise<Authority> {
  const key = join(folder, KEY);
  const mode = (await stat(key).catch(() => missing(folder, KEY))).mode & 0o777;
  if (mode & 0o077) {
    throw new UserError(
      `'${key}' has mode 0${mode.toString(8)}`,
      "others on this machine may read it, and the holder of the key can impersonate any database node",
      `chmod 600 '${key}'; if another user may have read it, create a new authority and replace this one`,
    );
  }
  return {
    certificate: await readFile(join(folder, CERTIFICATE), "utf8").catch(() => missing(folder, CERTIFICATE)),
    key: await readFile(key, "utf8"),
  };
}

/** To copy certificates to nodes by other means: one JSON file per node, with the content of its secret. */
export async function saveLeaf(folder: string, node: string, leaf: NodeCertificate): Promise<string> {
  const path = join(folder, "nodes");
  await mkdir(path, { recursive: true, mode: 0o700 });
  const file = join(path, `${node}.json`);
  await writeFile(file, `${JSON.stringify(leaf, undefined, 2)}\n`, { mode: 0o600 });
  // The mode above applies only to new files.
  await chmod(file, 0o600);
  return file;
}

async function makeNewFolder(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new UserError(`'${folder}' can't be used`, error.message, "name a folder that doesn't exist yet");
  });
  if (found && found.length > 0) {
    throw new UserError(
      `'${folder}' is there already and isn't empty`,
      "it may contain an authority that the nodes trust; this command never overwrites one",
      `use it with --authority '${folder}', or name a folder that doesn't exist yet`,
    );
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

function missing(folder: string, file: string): never {
  throw new UserError(
    `'${folder}' has no ${file}`,
    "`dr bootstrap ca --out` has not written this folder",
    "name the right folder, or create a new authority with --out",
  );
}
