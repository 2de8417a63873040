/** The machines of a restore, wherever they run: reached only by commands, as through Systems Manager. */
import { quote } from "../../common/quote.js";
import { GUARD_PROGRAM } from "../../nodes/layout.js";
import { NODE_ENV_FILE, SECRETS_FILE } from "../../nodes/render/node-env.js";
import type { RegionId } from "../../settings/stacks.js";

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Remote {
  readonly name: string;
  /** Runs a short shell script as root, to its end. Never throws for an exit code. */
  run(script: string, timeoutSeconds?: number): Promise<Output>;
}

export interface RestoreMachines {
  /** The running database nodes of a region. */
  nodes(region: RegionId): Promise<readonly Remote[]>;
  /** The same, with the running read replicas. */
  members(region: RegionId): Promise<readonly Remote[]>;
  /** The region's restore machine. Starts it if necessary, and keeps it from ending itself. */
  call(region: RegionId): Promise<Remote>;
  /** Ends it and deletes what it restored. */
  end(region: RegionId): Promise<void>;
  close(): void;
}

/** A command with the machine's values and secrets, as its units get them. */
export const inUnitEnvironment = (command: string): string =>
  `set -a; . ${NODE_ENV_FILE}; . ${SECRETS_FILE}; set +a\n${command}`;

/** @returns the output of a command on the machine. @throws Error with its last lines when it fails. */
export async function must(remote: Remote, command: string, timeoutSeconds?: number): Promise<string> {
  const { exitCode, stdout, stderr } = await remote.run(inUnitEnvironment(command), timeoutSeconds);
  if (exitCode === 0) return stdout;
  const words = (stderr || stdout).trim().split("\n").slice(-3).join(" ");
  throw new Error(`${command.split("\n")[0]} on ${remote.name} ended with ${exitCode}: ${words}`);
}

/**
 * Starts a command that may take hours, detached from the caller, and returns. Its output goes to `log`; `done`
 * exists when it has ended.
 */
export const begin = (remote: Remote, command: string, { log, done }: Files): Promise<string> =>
  must(
    remote,
    `rm -f ${done}; setsid --fork bash -c ${quote(`${command} > ${log} 2>&1; touch ${done}`)} < /dev/null > /dev/null 2>&1`,
  );

export interface Files {
  readonly log: string;
  readonly done: string;
}

/** The node that takes writes. @returns undefined if no node does, or none answers. */
export async function leaderOf(nodes: readonly Remote[]): Promise<Remote | undefined> {
  const answers = await Promise.all(
    nodes.map(async (node) => {
      const { exitCode, stdout } = await node.run(`node ${GUARD_PROGRAM} status`, 20);
      return exitCode === 0 && (JSON.parse(stdout) as { active?: boolean }).active === true;
    }),
  );
  return nodes[answers.indexOf(true)];
}
