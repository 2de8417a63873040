/** Which region a planned switchover promotes, and whether both are healthy enough. Pure. */

import { duration } from "../../common/duration.js";
import { UserError } from "../../common/errors.js";
import { otherRegion } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { roleOf } from "../glance.js";
import { ifKnown } from "../known.js";
import { lagOf } from "../lag.js";
import { greatestOf, type Observation } from "../observation.js";
import { isPublishing } from "./plan.js";

/** Small enough that catching up doesn't prolong the pause of the handover. */
const smallLagSeconds = ({ readIntervalSeconds }: SharedSettings["promotion"]): number =>
  5 * readIntervalSeconds;

/** @throws UserError when no region is active. */
export function standbyOf(observation: Observation): RegionId {
  const greatest = greatestOf(observation);
  if (greatest !== undefined && roleOf(observation, greatest) === "active") return otherRegion(greatest);
  throw new UserError(
    "no switchover",
    greatest === undefined
      ? "No region has claimed an epoch."
      : `${greatest} is to become active in epoch ${observation.regions[greatest].claimed}, but isn't yet.`,
    "npx dr status shows what it waits for; npx dr promote <stack> starts or continues a promotion",
  );
}

/** @throws UserError unless the active region is healthy and the standby's lag is small. */
export function requireHealthy(
  before: Observation,
  after: Observation,
  promotion: SharedSettings["promotion"],
): void {
  const standby = standbyOf(after);
  const active = otherRegion(standby);
  const refuse = (reason: string): never => {
    throw new UserError(
      `no switchover from ${active} to ${standby}`,
      reason,
      "npx dr status shows both regions; if a region is lost, use npx dr promote",
    );
  };
  if (!isPublishing(before, after, active)) refuse(`${active} has stopped publishing.`);
  if (ifKnown(after.healthy[active]) === false) refuse(`${active} does not answer its health check.`);
  const lag = lagOf(after, standby, promotion.leaseSeconds)?.seconds;
  const behind = lag && ifKnown(lag);
  const most = smallLagSeconds(promotion);
  if (behind === undefined) refuse(`The lag of ${standby} is unknown.`);
  else if (behind > most)
    refuse(`${standby} is ${duration(behind)} behind; a switchover allows at most ${most} s.`);
}
