/** The machines of a restore, wherever they run: reached only by commands, as through Systems Manager. */

import { type Act, act } from "../../nodes/operator-documents.js";
import type { RegionId } from "../../settings/stacks.js";

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Remote {
  readonly name: string;
  /** Runs a document as root, to its end. Never throws for an exit code. */
  run(what: Act): Promise<Output>;
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

/** @returns the output of an act on the machine. @throws Error with its last lines when it fails. */
export async function must(remote: Remote, what: Act): Promise<string> {
  const { exitCode, stdout, stderr } = await remote.run(what);
  if (exitCode === 0) return stdout;
  const words = (stderr || stdout).trim().split("\n").slice(-3).join(" ");
  throw new Error(`${nameOf(what)} on ${remote.name} ended with ${exitCode}: ${words}`);
}

const nameOf = ({ document, parameters }: Act): string =>
  [document, ...Object.values(parameters)].join(" ").trim();

/** The node that takes writes. @returns undefined if no node does, or none answers. */
export async function leaderOf(nodes: readonly Remote[]): Promise<Remote | undefined> {
  const answers = await Promise.all(
    nodes.map(async (node) => {
      const { exitCode, stdout } = await node.run(act("guard", { what: "status" }));
      return exitCode === 0 && (JSON.parse(stdout) as { active?: boolean }).active === true;
    }),
  );
  return nodes[answers.indexOf(true)];
}
