/** The scripts of a machine as its units run them: with the values and secrets of the machine. */
import type { CommandResult, Machine } from "../../../twin/types.js";

const UNIT_ENVIRONMENT = "set -a; . /etc/dr/node.env; . /run/dr/secrets.env; set +a;";

/** Runs it to its end, whatever that is. */
export const tryScript = (machine: Machine, command: string, timeoutSeconds = 120): Promise<CommandResult> =>
  machine.run(["bash", "-c", `${UNIT_ENVIRONMENT} ${command}`], { timeoutMillis: timeoutSeconds * 1000 });

/** @returns its output. @throws Error with its last words when it fails. */
export async function script(machine: Machine, command: string, timeoutSeconds?: number): Promise<string> {
  const { exitCode, stdout, stderr } = await tryScript(machine, command, timeoutSeconds);
  if (exitCode === 0) return stdout;
  const words = (stderr || stdout).trim().split("\n").slice(-3).join(" ");
  throw new Error(`${command} on ${machine.name} ended with ${exitCode}: ${words}`);
}
