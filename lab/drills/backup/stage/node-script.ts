/** The scripts of a machine as its units run them: with the values and secrets of the machine. */
import { inUnitEnvironment, must } from "../../../../operations/restore/machines.js";
import type { CommandResult, Machine } from "../../../twin/types.js";
import { remoteOf } from "./remote.js";

const SECONDS = 120;

/** Runs it to its end, whatever its exit code. */
export const tryScript = (
  machine: Machine,
  command: string,
  timeoutSeconds = SECONDS,
): Promise<CommandResult> => remoteOf(machine).run(inUnitEnvironment(command), timeoutSeconds);

/** @returns its output. @throws Error with its last lines when it fails. */
export const script = (machine: Machine, command: string, timeoutSeconds = SECONDS): Promise<string> =>
  must(remoteOf(machine), command, timeoutSeconds);
