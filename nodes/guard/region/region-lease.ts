/** What may be served, and whether Patroni may run, by what is known. Pure. */
import { mayBeRewound } from "./diverged.js";
import type { RegionConfig } from "./known.js";
import { headOf, isMarked } from "./log-history.js";
import type { RegionState } from "./region-facts.js";

/** Until when writes may be served here: 0 when they may not be. */
export function permit({ rules }: RegionConfig, state: RegionState, now: number): number {
  const { reading, view, log, term, publishedNotBefore } = state;
  if (!reading || !view || !log || !term) return 0;
  const { own, peer, mine } = reading;
  if (own <= peer || mine.opened !== own || view.role?.kind !== "primary") return 0;
  // Read in this term: in an earlier one another timeline may have been the newest.
  if (log.startedAt < term.since || !isMarked(log, own)) return 0;
  // From the *start* of the reading. Who can read but no longer publish must stop too, or the other region could
  // not bound what it will lack.
  const since = Math.min(reading.startedAt, publishedNotBefore + rules.leaseMillis);
  const until = since + rules.leaseMillis;
  return until > now ? until : 0;
}

export function refusal({ reading, view }: RegionState): string {
  if (!reading) return "the claims were not read yet";
  const { own, peer } = reading;
  if (own <= peer) return `epoch ${peer} of the other region is above ${own} of this one`;
  if (view?.role?.kind !== "primary") return "this region is standby";
  return view.term === undefined ? "this node does not lead" : "the region lease has run out";
}

/**
 * Whether Patroni may run here: not before the region is marked as standby where the other one is active, or an old
 * leader would come back writable; as a possible leader not before the claims were read; and not before what only
 * this node has is saved, for a standby is rewound to the log that it follows.
 */
export function patroniMayRun({ startsAsStandby }: RegionConfig, state: RegionState): boolean {
  const { reading, view } = state;
  if (!view || !mayBeRewound(state)) return false;
  if (view.role?.kind === "standby") return true;
  // A cluster that has never been, or lost all that it had: it must not begin anew beside what has been served.
  if (!view.role) return startsAsStandby || (reading !== undefined && headOf(reading) === 0);
  if (!reading) return false;
  const { own, peer, theirs } = reading;
  // Where the other region has not opened yet it waits for what this one still has: that needs a leader.
  return own >= peer || theirs.opened < peer;
}

/**
 * Until when replicas may be reached in a region that is primary: one of them may be promoted at any moment, and its
 * port still be open from before.
 */
export function replicaUntil({ rules }: RegionConfig, { reading, view }: RegionState): number {
  if (view?.role?.kind === "standby") return Number.POSITIVE_INFINITY;
  if (!reading || reading.own <= reading.peer || reading.mine.opened !== reading.own) return 0;
  return reading.startedAt + rules.leaseMillis;
}
