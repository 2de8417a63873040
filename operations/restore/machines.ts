/** The machines that a restore works with, wherever they run: reached by commands alone, as Systems Manager reaches them. */
import type { RegionId } from "../../settings/stacks.js";

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Remote {
  readonly name: string;
  /** Runs a shell script as root, to its end; short ones only. Never throws for an exit code. */
  run(script: string, timeoutSeconds?: number): Promise<Output>;
}

export interface RestoreMachines {
  /** Database nodes of a region that run. */
  nodes(region: RegionId): Promise<readonly Remote[]>;
  /** Its read replicas too, as far as they run. */
  members(region: RegionId): Promise<readonly Remote[]>;
  /** The region's restore machine, called if it isn't there, and kept from ending itself. */
  call(region: RegionId): Promise<Remote>;
  /** Ends it; what it restored goes with it. */
  end(region: RegionId): Promise<void>;
  close(): void;
}

/** The values and secrets of the machine, as its units have them. */
const UNIT_ENVIRONMENT = "set -a; . /etc/dr/node.env; . /run/dr/secrets.env; set +a";

/** @returns what a script of the machine prints. @throws Error with its last words when it fails. */
export async function must(remote: Remote, command: string, timeoutSeconds?: number): Promise<string> {
  const { exitCode, stdout, stderr } = await remote.run(`${UNIT_ENVIRONMENT}\n${command}`, timeoutSeconds);
  if (exitCode === 0) return stdout;
  const words = (stderr || stdout).trim().split("\n").slice(-3).join(" ");
  throw new Error(`${command.split("\n")[0]} on ${remote.name} ended with ${exitCode}: ${words}`);
}

/**
 * Begins a command that may take hours, apart from whoever asked for it, and returns. Its output goes to `log`; `done`
 * is there when it has ended.
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

export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The node that takes writes. @returns undefined where none does, or none answers. */
export async function leaderOf(nodes: readonly Remote[]): Promise<Remote | undefined> {
  const answers = await Promise.all(
    nodes.map(async (node) => {
      const { exitCode, stdout } = await node.run("node /usr/local/lib/dr/guard.cjs status", 20);
      return exitCode === 0 && (JSON.parse(stdout) as { active?: boolean }).active === true;
    }),
  );
  return nodes[answers.indexOf(true)];
}
