/**
 * The region's lease: until when this node may serve, and whether Patroni may run. Pure. Each reading of the claims renews
 * it (region-decision.ts); its length is the setting `promotion.leaseSeconds`.
 */
import { mayBeRewound } from "./diverged.js";
import type { RegionConfig } from "./known.js";
import { headOf, isMarked } from "./log-history.js";
import type { RegionState } from "./region-facts.js";
import { isPending } from "./ticket.js";

/** Until when this node may serve writes; 0 when it may not. */
export function permit({ rules }: RegionConfig, state: RegionState, now: number): number {
  const { reading, view, log, term, publishedNotBefore } = state;
  if (!reading || !view || !log || !term) return 0;
  const { own, peer, mine } = reading;
  if (own <= peer || mine.opened !== own || view.role?.kind !== "primary") return 0;
  // The log must have been read in this term: in an earlier one another timeline may have been the newest.
  if (log.startedAt < term.since || !isMarked(log, own)) return 0;
  // From the *start* of the reading. A region that can read but no longer publish must stop too: otherwise the other
  // region couldn't bound its lag.
  const since = Math.min(reading.startedAt, publishedNotBefore + rules.leaseMillis);
  const until = since + rules.leaseMillis;
  return until > now ? until : 0;
}

/**
 * Whether clients may reach the leader of a standby region, to read. Not during the region's promotion; and not where a
 * newer claim of the other region has ended the promotion, until this region has noted that claim: a role change under
 * way may still succeed, and afterwards etcd refuses it.
 */
export function standbyLeaderMayServe(state: RegionState): boolean {
  const { reading, view } = state;
  if (!reading || !view || isPending(state)) return false;
  return view.epoch >= Math.max(reading.own, reading.peer);
}

export function refusal({ reading, view }: RegionState): string {
  if (!reading) return "this node has not read the claims yet";
  const { own, peer } = reading;
  if (own <= peer) return `the other region's epoch ${peer} is above this region's epoch ${own}`;
  if (view?.role?.kind !== "primary") return "this region is a standby";
  return view.term === undefined ? "this node is not the leader" : "the region lease has run out";
}

/**
 * Whether Patroni may run on this node. Where the other region is active, only after this region is marked as a standby:
 * otherwise an old leader would return writable. As a possible leader, only after a reading of the claims. And only after
 * the node has saved writes that only it has, because Patroni rewinds a standby to the log that it follows.
 */
export function patroniMayRun({ startsAsStandby }: RegionConfig, state: RegionState): boolean {
  const { reading, view } = state;
  if (!view || !mayBeRewound(state)) return false;
  if (view.role?.kind === "standby") return true;
  // A new cluster, or one that lost all its data: it must not start empty if either region has served clients before.
  if (!view.role) return startsAsStandby || (reading !== undefined && headOf(reading) === 0);
  if (!reading) return false;
  const { own, peer, theirs } = reading;
  // While the other region has not opened, it waits for this region's last writes: handing them over needs a leader.
  return own >= peer || theirs.opened < peer;
}

/**
 * Until when clients may reach replicas in a primary region: Patroni may promote one of them at any moment, while its
 * port is still open from before.
 */
export function replicaUntil({ rules }: RegionConfig, { reading, view }: RegionState): number {
  if (view?.role?.kind === "standby") return Number.POSITIVE_INFINITY;
  if (!reading || reading.own <= reading.peer || reading.mine.opened !== reading.own) return 0;
  return reading.startedAt + rules.leaseMillis;
}
