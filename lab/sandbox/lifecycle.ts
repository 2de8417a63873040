/** The sandbox as a whole: its variables for a user's shell, and its end. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { REPO, sandboxDir } from "../../common/paths.js";
import type { Progress } from "../../common/progress.js";
import { startEmulator, stopEmulator } from "./emulator/emulator.js";
import { findEngine, languageHost } from "./engine/engine.js";
import { writeLaunchers } from "./engine/launchers.js";
import { sandboxEnvironment } from "./environment.js";
import { syncProject } from "./project.js";

/** Variables under which plain `pulumi` works in the sandbox's project folder. */
export async function shellEnvironment(progress: Progress): Promise<Record<string, string>> {
  const engine = await findEngine(progress);
  const bins = [await writeLaunchers()];
  // An engine that came with its installer brings its own language host.
  if (engine.origin === "built") bins.push(await languageHost(progress));
  const { endpoint } = await startEmulator(progress);
  await syncProject();
  const environment = await sandboxEnvironment({ engine, endpoint, bins });
  // The published language host predates ES module programs in TypeScript; Node itself has to load them.
  return {
    ...environment,
    NODE_OPTIONS: `--import ${pathToFileURL(join(REPO, "node_modules/tsx/dist/loader.mjs"))}`,
    // For the AWS command line, in whose words the runbooks are written.
    AWS_ENDPOINT_URL: endpoint,
  };
}

/** Stops the emulator and removes the sandbox's folder: state, project copy, everything. */
export async function resetSandbox(): Promise<void> {
  await stopEmulator();
  await rm(sandboxDir(), { recursive: true, force: true });
}
