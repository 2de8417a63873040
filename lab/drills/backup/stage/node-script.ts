/** The scripts of a machine as its units run them: with the values and secrets of the machine. */
import { NODE_ENV_FILE, SECRETS_FILE } from "../../../../nodes/render/node-env.js";
import type { CommandResult, Machine } from "../../../twin/types.js";

const SECONDS = 120;

/** Runs it to its end, whatever its exit code. */
export const tryScript = (
  machine: Machine,
  command: string,
  timeoutSeconds = SECONDS,
): Promise<CommandResult> =>
  machine.run(["bash", "-c", `set -a; . ${NODE_ENV_FILE}; . ${SECRETS_FILE}; set +a\n${command}`], {
    timeoutMillis: timeoutSeconds * 1000,
  });

/** @returns its output. @throws Error with its last lines when it fails. */
export async function script(machine: Machine, command: string, timeoutSeconds = SECONDS): Promise<string> {
  const { exitCode, stdout, stderr } = await tryScript(machine, command, timeoutSeconds);
  if (exitCode === 0) return stdout;
  const words = (stderr || stdout).trim().split("\n").slice(-3).join(" ");
  throw new Error(`${command.split("\n")[0]} on ${machine.name} ended with ${exitCode}: ${words}`);
}
