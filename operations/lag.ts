/** How far a region is behind what the other may have acknowledged. From its guard where that can be asked, else from the table. */

import { seconds } from "../common/duration.js";
import { sameMark } from "../nodes/guard/region/log-history.js";
import { otherRegion } from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";
import { type Known, known, unknown } from "./known.js";
import { leadingGuard } from "./leading.js";
import type { Observation } from "./observation.js";

export interface Lag {
  /** At most; counted from the last proof of having had everything. */
  readonly seconds: Known<number>;
  readonly bytes: Known<number>;
  /** How old the position is that is known to have been reached here; by the other leader's clock. */
  readonly proofAgeSeconds: Known<number>;
}

/** Clocks of two nodes run apart by so much at most, as the guards count. */
const DRIFT = 1.01;

/** @returns undefined where there is nothing to follow. */
export function lagOf(observation: Observation, id: RegionId, leaseSeconds: number): Lag | undefined {
  const mine = observation.regions[id].status;
  const theirs = observation.regions[otherRegion(id)].status;
  // What this region has served since came after all that the other has.
  if (theirs.opened <= mine.opened) return undefined;
  const guard = leadingGuard(observation, id)?.status?.region;
  const proof = guard?.proof ?? mine.proof;
  return {
    seconds:
      guard?.lagMillis === undefined
        ? publishedLag(observation, id, leaseSeconds)
        : known(seconds(guard.lagMillis)),
    bytes: bytesOf(observation, id),
    proofAgeSeconds: proof ? known(seconds(observation.at - proof.wallMillis)) : unknown("no proof yet"),
  };
}

/**
 * From the table alone, and as a guard counts: up to the last published position, and from there for as long as the
 * other region can have served without publishing, which is two leases.
 */
function publishedLag({ at, regions }: Observation, id: RegionId, leaseSeconds: number): Known<number> {
  const { proof } = regions[id].status;
  const { position } = regions[otherRegion(id)].status;
  if (!position || proof?.mark.epoch !== position.mark.epoch)
    return unknown(`no proof in epoch ${position?.mark.epoch ?? 0} yet`);
  const silent = Math.min(Math.max(0, at - position.wallMillis), 2 * leaseSeconds * 1000 * DRIFT);
  return known(seconds(Math.max(0, position.wallMillis - proof.wallMillis) + silent));
}

function bytesOf(observation: Observation, id: RegionId): Known<number> {
  const { guards, regions } = observation;
  const { position } = regions[otherRegion(id)].status;
  if ("unknown" in guards) return guards;
  const log = leadingGuard(observation, id)?.status?.region.log;
  if (!log || !position) return unknown("its leader's guard doesn't tell");
  if (!sameMark(log.mark, position.mark)) return unknown("its log is another leader's still");
  return known(Math.max(0, position.lsn - log.lsn));
}
