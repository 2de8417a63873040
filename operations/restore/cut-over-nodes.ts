/** Calls to all nodes of a region at once, and the stamps that name cut-overs. */
import { UserError } from "../../common/errors.js";
import type { RegionContract } from "../../settings/contract.js";
import { type NodeState, stateOf } from "./cut-over-node.js";
import type { Remote } from "./machines.js";

export const WHOLE = "A cut-over closes every node; an absent node could come back with the old log.";

export const statesOf = (nodes: readonly Remote[]): Promise<(readonly [Remote, NodeState])[]> =>
  Promise.all(
    nodes.map(async (node) => {
      const state = await stateOf(node).catch((error: Error) =>
        refuse(`${node.name} does not answer`, error.message, "fix or terminate it, and try again"),
      );
      return [node, state] as const;
    }),
  );

/** Voters of a region that are not among its nodes. */
export const absentVoters = ({ databaseNodes }: RegionContract, nodes: readonly Remote[]): string[] =>
  databaseNodes.map(({ name }) => name).filter((name) => !nodes.some((node) => node.name === name));

/** Waits for all nodes, so that an undo never meets a node that is still working. @throws the first node's error */
export async function onAll(
  nodes: readonly Remote[],
  work: (node: Remote) => Promise<unknown>,
): Promise<void> {
  const done = await Promise.allSettled(nodes.map(work));
  for (const each of done) if (each.status === "rejected") throw each.reason;
}

export const namesOf = (nodes: readonly Remote[]): string => nodes.map(({ name }) => name).join(", ");

export function refuse(what: string, reason: string, remedy: string): never {
  throw new UserError(what, reason, remedy);
}

/** `20260301T120000Z`: a part of names. */
export const stampOf = (date: Date): string => `${date.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;

/** Stamps are times of equal width; etcd's note may begin with `undone`. */
export const isNewer = (stamp: string, known: string | undefined): boolean =>
  (known?.split(" ").at(-1) ?? "") < stamp;
