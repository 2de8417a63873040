/**
 * The settings that tests deploy: `tests/fixtures/Pulumi*.yaml`. vitest.config.ts sets `DR_SETTINGS_DIR` to this folder,
 * so the sandbox, the twin and every process that a test starts read them too. No test reads the stack files of the checkout,
 * because those are the user's.
 */
import { fileURLToPath } from "node:url";
import type { RawSettings } from "../../settings/parse.js";
import { readStackFiles } from "../../settings/stack-files.js";
import type { StackName } from "../../settings/stacks.js";

export const FIXTURES = fileURLToPath(new URL("../fixtures", import.meta.url));

/** Raw settings of one stack, as its stack file gives them. */
export const fixtureSettings = (stack: StackName): Promise<RawSettings> => readStackFiles(stack, FIXTURES);
