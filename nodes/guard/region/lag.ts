/**
 * How much of what the other region acknowledged may be missing here, in milliseconds: counted from the last proof of
 * having had everything, not from the last difference seen. A link that is cut at a lag of 0 hides half an hour of
 * writes; the difference would still say 0.
 */
import type { RegionRules } from "../shared/config.js";
import { sameMark } from "./log-history.js";
import type { LogEnd, Position, Proof, Reading, RegionState } from "./region-facts.js";

/** More than an hour's worth at the usual pace; beyond, every second one is forgotten. */
const MOST_POSITIONS = 2000;
/** Clocks of two nodes run apart by so much at most. */
const DRIFT = 1.01;
/** What two nodes of a region read from their wall clocks at one moment differs by no more. */
const CLOCKS_MILLIS = 1_000;

/** Adds a position that was published. */
export function published(
  positions: readonly Position[],
  position: Position | undefined,
): readonly Position[] {
  if (!position || positions.at(-1)?.wallMillis === position.wallMillis) return positions;
  const all = [...positions, position];
  return all.length > MOST_POSITIONS ? all.filter((_, i) => i % 2 === 1 || i === all.length - 1) : all;
}

/** What this log has reached of the published positions: the newest proof, and the positions still ahead. */
export function reached(
  node: string,
  positions: readonly Position[],
  log: LogEnd,
): { readonly proof?: Proof; readonly ahead: readonly Position[] } {
  if (log.isPrimary) return { ahead: positions };
  const last = positions.findLastIndex((position) => includes(log, position));
  const position = positions[last];
  if (!position) return { ahead: positions };
  const { mark, wallMillis } = position;
  return { proof: { node, mark, wallMillis }, ahead: positions.slice(last + 1) };
}

/** Positions of two timelines can't be compared; but who has the later leader's mark has all that came before it. */
const includes = ({ mark, lsn }: LogEnd, position: Position): boolean =>
  sameMark(mark, position.mark)
    ? lsn >= position.lsn
    : mark.epoch === position.mark.epoch && mark.timeline > position.mark.timeline;

/**
 * Never less than the time over which acknowledged writes can be missing; Infinity when nothing is known.
 * After its last publication a region can have served for two leases: one until it must publish again, one that
 * began just before.
 */
export function lagMillis(
  { leaseMillis }: RegionRules,
  reading: Reading,
  log: LogEnd,
  { proof, peerNotBefore }: Pick<RegionState, "proof" | "peerNotBefore">,
  now: number,
): number {
  const { position, opened } = reading.theirs;
  // It has served in no epoch that isn't in this log already.
  if (opened === 0 || log.mark.epoch > opened) return 0;
  if (!position || log.mark.epoch !== opened) return Number.POSITIVE_INFINITY;
  const proven = Math.max(
    proof?.mark.epoch === position.mark.epoch ? proof.wallMillis : Number.NEGATIVE_INFINITY,
    provenByItself(log, position),
  );
  const silent = Math.min(now - peerNotBefore, 2 * leaseMillis * DRIFT);
  return Math.max(0, position.wallMillis - proven) + silent;
}

/**
 * A log speaks for itself too: whoever begins from the archive has seen no position of those that it went past. What
 * was acknowledged before the newest replayed commit was made stands before it in the log of the same leader; a later
 * leader's would stand behind its mark, so that one must not have published yet.
 */
const provenByItself = ({ mark, replay }: LogEnd, position: Position): number =>
  sameMark(mark, position.mark) && replay?.wallMillis !== undefined
    ? replay.wallMillis - CLOCKS_MILLIS
    : Number.NEGATIVE_INFINITY;
