/** The variables under which Pulumi works against the sandbox, for our own runs and for a user's shell. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sandboxDir } from "../../common/paths.js";
import type { Engine } from "./engine/engine.js";

export async function sandboxEnvironment(options: {
  engine: Engine;
  endpoint: string;
  /** Folders put in front of PATH. */
  bins: readonly string[];
}): Promise<Record<string, string>> {
  return {
    PATH: [...options.bins, join(options.engine.root, "bin"), process.env.PATH ?? ""].join(":"),
    PULUMI_HOME: join(sandboxDir(), "home"),
    PULUMI_BACKEND_URL: await backend("state"),
    PULUMI_CONFIG_PASSPHRASE: await passphrase(),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    DR_SANDBOX_ENDPOINT: options.endpoint,
    // The emulator's root credentials; they mean nothing anywhere else.
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

/**
 * What differs for stack `copy`: a separate state, and credentials of the other account: the emulator takes an account's id as
 * the key.
 */
export const otherAccountEnvironment = async (accountId: string): Promise<Record<string, string>> => ({
  PULUMI_BACKEND_URL: await backend("state-of-copy"),
  AWS_ACCESS_KEY_ID: accountId,
});

/** Pulumi's file backend in a folder of the sandbox. */
async function backend(folder: string): Promise<string> {
  const state = join(sandboxDir(), folder);
  await mkdir(state, { recursive: true });
  return pathToFileURL(state).href;
}

/** Encrypts secrets in the sandbox's state; made once per sandbox. */
async function passphrase(): Promise<string> {
  const file = join(sandboxDir(), "passphrase");
  try {
    return await readFile(file, "utf8");
  } catch {
    const fresh = randomBytes(24).toString("base64url");
    await writeFile(file, fresh, { mode: 0o600 });
    return fresh;
  }
}
