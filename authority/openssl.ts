/** Calls to OpenSSL: each certificate is made in its own folder, which is deleted right after. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExecaError, execa } from "execa";
import { UserError } from "../common/errors.js";

/** Longest that one command may take; each takes milliseconds. */
const TIMEOUT_MS = 30_000;

/**
 * Runs `work` in a new folder that only this user may enter (mkdtemp makes it with mode 0700), with the files
 * given. The folder is gone afterwards, whatever happens.
 */
export async function withFiles<T>(
  files: Readonly<Record<string, string>>,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "dr-authority-"));
  try {
    for (const [name, text] of Object.entries(files))
      await writeFile(join(folder, name), text, { mode: 0o600 });
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Runs OpenSSL in a folder; returns what it printed.
 * @throws UserError when it isn't installed, or with what it said.
 */
export async function openssl(folder: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execa("openssl", args, {
      cwd: folder,
      timeout: TIMEOUT_MS,
      // The machine's own openssl.cnf must not affect the content of a certificate.
      env: { OPENSSL_CONF: "/dev/null" },
      stdin: "ignore",
    });
    return stdout;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === "ENOENT")
      throw new UserError(
        "'openssl' is not on the path",
        "it makes and signs the certificates",
        "install it: apt-get install openssl, brew install openssl",
      );
    throw new UserError(
      `'openssl ${args[0]}' failed`,
      String(error.stderr || error.shortMessage).trim(),
      "check the authority's certificate and key: ECDSA on P-256, in PEM",
    );
  }
}
