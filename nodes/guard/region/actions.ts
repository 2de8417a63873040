/** Actions of a region's guard: role changes, and writes to its status. Pure. */

import type { Known } from "./known.js";
import type { LogEnd, Position, RegionAction, Role, Status } from "./region-facts.js";

/** Follows the other region, and loses what that region doesn't have: only after it has opened its epoch. */
export const FOLLOWING: Role = { kind: "standby", source: { kind: "region" } };

/** Fetches from the copy of the other region's vault what no node sends. */
export const FETCHING: Role = { kind: "standby", source: { kind: "vault" } };

/** Keeps its own log unchanged. */
export const WAITING: Role = { kind: "standby", source: { kind: "nobody" } };

type RoleChange = Extract<RegionAction, { kind: "change-role" }>;

export function changeRole(known: Known, role: Role, reason: string, needsTerm = true): RoleChange {
  const { config, reading, view } = known;
  const { configMod, epochMod, term } = view;
  return {
    kind: "change-role",
    role,
    expect: { configMod, epochMod, term: needsTerm ? term : undefined },
    notAfter: reading.startedAt + config.rules.leaseMillis,
    reason,
  };
}

export function sameRole(a: Role, b: Role): boolean {
  if (a.kind !== "standby" || b.kind !== "standby") return a.kind === b.kind;
  if (a.source.kind !== "node" || b.source.kind !== "node") return a.source.kind === b.source.kind;
  return a.source.address === b.source.address;
}

export const write = ({ reading }: Known, status: Status, reason: string): RegionAction => ({
  kind: "write-status",
  status: { ...status, sequence: reading.mine.sequence + 1 },
  reason,
});

/** Publishes this region's position for the other region and for people, as often as it reads the claims. */
export function publish(known: Known, news: Partial<Status>): RegionAction[] {
  const { config, state, reading, now } = known;
  if (now - state.wroteAt < config.rules.readMillis) return [];
  return [write(known, { ...reading.mine, ...news }, "publishes")];
}

/** The shell fills in the wall clock when it writes. */
export const positionOf = ({ config }: Known, { mark, lsn }: LogEnd): Position => ({
  wallMillis: 0,
  node: config.node,
  mark,
  lsn,
});
