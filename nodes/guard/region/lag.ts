/**
 * The lag: over how many milliseconds the other region's acknowledged writes may be missing here. It counts from the last
 * proof that this log had everything, not from the last measured difference: after a link is cut at a lag of 0, the
 * difference would still be 0 half an hour later.
 */
import type { RegionRules } from "../shared/config.js";
import { sameMark } from "./log-history.js";
import type { LogEnd, Position, Proof, Reading, RegionState } from "./region-facts.js";

/** More than an hour's worth at the usual pace. Beyond this number every second position is dropped. */
const MOST_POSITIONS = 2000;
/** The largest assumed drift between two nodes' clocks. */
const DRIFT = 1.01;
/** The largest assumed difference between the wall clocks of a region's nodes. */
const CLOCKS_MILLIS = 1_000;

/** Adds a published position. */
export function published(
  positions: readonly Position[],
  position: Position | undefined,
): readonly Position[] {
  if (!position || positions.at(-1)?.wallMillis === position.wallMillis) return positions;
  const all = [...positions, position];
  return all.length > MOST_POSITIONS ? all.filter((_, i) => i % 2 === 1 || i === all.length - 1) : all;
}

/** Compares the published positions with this log: the newest proof, and the positions that are still ahead. */
export function reached(
  node: string,
  positions: readonly Position[],
  log: LogEnd,
): { readonly proof?: Proof; readonly ahead: readonly Position[] } {
  if (log.isPrimary) return { ahead: positions };
  const last = positions.findLastIndex((position) => includes(log, position));
  const position = positions[last];
  if (!position) return { ahead: positions };
  const { mark, wallMillis, lsn } = position;
  return { proof: { node, mark, wallMillis, lsn }, ahead: positions.slice(last + 1) };
}

/**
 * The proof, if it still counts. This log may have lost the position since: Patroni can rewind it to a former leader of
 * the other region that still accepts connections, or replace it by an older copy.
 */
export const validProof = (proof: Proof | undefined, log: LogEnd | undefined): Proof | undefined =>
  proof && log && includes(log, proof) ? proof : undefined;

/** Positions on two timelines can't be compared; but a log with the later leader's mark contains everything before it. */
const includes = ({ mark, lsn }: LogEnd, position: Pick<Position, "mark" | "lsn">): boolean =>
  sameMark(mark, position.mark)
    ? lsn >= position.lsn
    : mark.epoch === position.mark.epoch && mark.timeline > position.mark.timeline;

/**
 * An upper bound of the time over which acknowledged writes can be missing; Infinity when nothing is known.
 * After its last publication a region can serve for two more leases: one until it must publish again, and one that began
 * just before that.
 */
export function lagMillis(
  { leaseMillis }: RegionRules,
  reading: Reading,
  log: LogEnd,
  { proof: newest, peerNotBefore }: Pick<RegionState, "proof" | "peerNotBefore">,
  now: number,
): number {
  const { position, opened } = reading.theirs;
  // The other region has only served in epochs that this log already contains.
  if (opened === 0 || log.mark.epoch > opened) return 0;
  if (!position || log.mark.epoch !== opened) return Number.POSITIVE_INFINITY;
  const proof = validProof(newest, log);
  const proven = Math.max(
    proof?.mark.epoch === position.mark.epoch ? proof.wallMillis : Number.NEGATIVE_INFINITY,
    provenByItself(log, position),
  );
  const silent = Math.min(now - peerNotBefore, 2 * leaseMillis * DRIFT);
  return Math.max(0, position.wallMillis - proven) + silent;
}

/**
 * A log can prove its own completeness: a region that begins from the archive has seen none of the positions that it
 * passed. In one leader's log every write acknowledged before the newest replayed commit precedes that commit. A later
 * leader's writes would follow its own mark, so this holds only while that leader hasn't published.
 */
const provenByItself = ({ mark, replay }: LogEnd, position: Position): number =>
  sameMark(mark, position.mark) && replay?.wallMillis !== undefined
    ? replay.wallMillis - CLOCKS_MILLIS
    : Number.NEGATIVE_INFINITY;
