/** The calls of `dr-cut-over` and the guard that a cut-over makes: on one node, and on all nodes at once. */

import { z } from "zod";
import { UserError } from "../../common/errors.js";
import {
  type CutOverStatus,
  cutOverRoom,
  cutOverStatus,
  type PatroniMember,
  patroniMember,
} from "../../nodes/bin/reports.js";
import type { LogAnswer } from "../../nodes/guard/region/cut-over.js";
import { type Act, act } from "../../nodes/operator-documents.js";
import type { RegionContract } from "../../settings/contract.js";
import { must, type Remote } from "./machines.js";

const members = z.array(patroniMember);
export type NodeState = CutOverStatus;
export type Prepared = NonNullable<NodeState["prepared"]>;
export type { LogAnswer, PatroniMember };

const logAnswer: z.ZodType<LogAnswer> = z.object({
  result: z.enum(["seen", "forgotten", "kept", "refused"]),
  reason: z.string().optional(),
  leader: z.string().optional(),
  epoch: z.number(),
  role: z.string().optional(),
  cutOver: z.string().optional(),
});

const leading = z.object({
  active: z.boolean(),
  region: z.object({
    claims: z.object({ own: z.number(), peer: z.number() }).nullable(),
    mine: z.object({ opened: z.number() }).nullable(),
    log: z.object({ timeline: z.number().optional() }).nullable(),
  }),
});
/** What an active leader's guard knows: the epoch that it has opened and the timeline on which it serves. */
export interface Leading {
  readonly active: boolean;
  readonly opened: number;
  readonly timeline: number;
}

const json = async <T>(remote: Remote, what: Act, shape: z.ZodType<T>): Promise<T> =>
  shape.parse(JSON.parse(await must(remote, what)));

export const stateOf = (remote: Remote): Promise<NodeState> =>
  json(remote, act("cut-over-state", { what: "status" }), cutOverStatus);
export const roomAt = (remote: Remote) => json(remote, act("cut-over-state", { what: "room" }), cutOverRoom);
export const membersAt = (remote: Remote) =>
  json(remote, act("cut-over-state", { what: "members" }), members);
export const logStateAt = (remote: Remote) => json(remote, act("guard", { what: "log-state" }), logAnswer);
export const forgetLog = (remote: Remote, stamp: string, epoch: number) =>
  json(remote, act("forget-log", { stamp, epoch: `${epoch}` }), logAnswer);

/** One of the script's steps. It is idempotent, and the node refuses it without its preconditions. */
export const step = (
  remote: Remote,
  name: "discard" | "close" | "aside" | "back" | "open",
  stamp: string,
): Promise<string> => must(remote, act("cut-over", { verb: name, stamp }));

/** The `aside` step on the node with the restored data: it fails if they are gone. */
export const asideRestored = (remote: Remote, stamp: string): Promise<string> =>
  must(remote, act("cut-over-aside-restored", { stamp }));

export async function leadingAt(remote: Remote): Promise<Leading> {
  const { active, region } = await json(remote, act("guard", { what: "status" }), leading);
  return { active, opened: region.mine?.opened ?? 0, timeline: region.log?.timeline ?? 0 };
}

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
