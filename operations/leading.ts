/** The guard that speaks for its region: the guard of the leader, according to the newest view of any guard. */
import type { GuardStatus } from "../nodes/guard/status.js";

import type { RegionId } from "../settings/stacks.js";
import { ifKnown } from "./known.js";
import type { Observation } from "./observation.js";

export interface Leading {
  readonly node: string;
  /** Undefined while the leader's guard doesn't answer. */
  readonly status?: GuardStatus;
}

export function leadingGuard({ guards }: Observation, id: RegionId): Leading | undefined {
  const own = (ifKnown(guards) ?? []).filter(({ region }) => region === id);
  const statuses = own.flatMap(({ status }) => ifKnown(status) ?? []);
  const age = ({ etcdSeenMillisAgo }: GuardStatus) => etcdSeenMillisAgo ?? Number.POSITIVE_INFINITY;
  const newest = statuses.filter(({ leader }) => leader).sort((a, b) => age(a) - age(b))[0];
  if (!newest?.leader) return undefined;
  return { node: newest.leader, status: statuses.find(({ node }) => node === newest.leader) };
}
