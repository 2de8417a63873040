/** One emulated AWS per test file: on a free port, with its own folder, stopped at the end. */
import { afterAll, beforeAll } from "vitest";
import { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import { startEmulator } from "../../../lab/sandbox/emulator/emulator.js";
import { quiet } from "../../support/quiet.js";
import { withTemporaryDir } from "./temporary-dir.js";

/** The two regions that the tests use. */
export const HOME = "eu-west-1";
export const RECOVERY = "eu-west-2";

/**
 * Starts the emulator before a file's tests and stops it after them. The first run on a machine also
 * installs it. `DR_SANDBOX_ENDPOINT` has its address from then on.
 */
export function useEmulator(): void {
  const temporary = withTemporaryDir();
  beforeAll(async () => {
    await temporary.enter();
    process.env.AWS_ACCESS_KEY_ID = "test";
    process.env.AWS_SECRET_ACCESS_KEY = "test";
    process.env.DR_SANDBOX_ENDPOINT = (await startEmulator(quiet(), 0)).endpoint;
  }, 180_000);
  afterAll(() => temporary.leave());
}

/** A configured provider, as the engine would have it. */
export async function awsPlugin(
  region = HOME,
  defaultTags: Record<string, string> = { project: "sandbox" },
): Promise<AwsPlugin> {
  const plugin = new AwsPlugin();
  await plugin.configure({ region, defaultTags: JSON.stringify({ tags: defaultTags }) });
  return plugin;
}

/** An SDK client of the emulator: the operator who changes things behind Pulumi's back. */
export function sdk<T>(Class: new (config: any) => T, region = HOME): T {
  return new Class({
    endpoint: process.env.DR_SANDBOX_ENDPOINT,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
}
