/** How far a region is behind what the other region may have acknowledged. From its guard if that answers, else from the table. */

import { seconds } from "../common/duration.js";
import { sameMark } from "../nodes/guard/region/log-history.js";
import { otherRegion } from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";
import { type Known, known, unknown } from "./known.js";
import { leadingGuard } from "./leading.js";
import type { Observation } from "./observation.js";

export interface Lag {
  /** Upper bound, counted from the last proof that the region had everything. */
  readonly seconds: Known<number>;
  readonly bytes: Known<number>;
  /** Age of the last position that the region has provably reached, by the other leader's clock. */
  readonly proofAgeSeconds: Known<number>;
}

/** The guards' bound on the drift between the clocks of two nodes. */
const DRIFT = 1.01;

/** @returns undefined if the region has nothing to follow. */
export function lagOf(observation: Observation, id: RegionId, leaseSeconds: number): Lag | undefined {
  const mine = observation.regions[id].status;
  const theirs = observation.regions[otherRegion(id)].status;
  // This region has served last, so the other region has nothing newer.
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
 * From the table alone, counted as a guard counts: up to the last published position, plus the time for which the
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
  if (!log || !position) return unknown("its leader's guard reports none");
  if (!sameMark(log.mark, position.mark)) return unknown("its log still has an old leader");
  return known(Math.max(0, position.lsn - log.lsn));
}
