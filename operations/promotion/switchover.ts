/** Which region a planned switchover promotes, and whether both are well enough for it. Pure. */

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

/** Small enough that the handover's own pause isn't spent on catching up. */
export const smallLagSeconds = ({ readIntervalSeconds }: SharedSettings["promotion"]): number =>
  5 * readIntervalSeconds;

/** @throws UserError when none is active. */
export function standbyOf(observation: Observation): RegionId {
  const greatest = greatestOf(observation);
  if (greatest !== undefined && roleOf(observation, greatest) === "active") return otherRegion(greatest);
  throw new UserError(
    "no switchover",
    greatest === undefined
      ? "No region has claimed an epoch."
      : `${greatest} is to become active in epoch ${observation.regions[greatest].claimed} and is not yet.`,
    "npx dr status says what is waited for; npx dr promote <stack> begins or goes on with a promotion",
  );
}

/** @throws UserError unless the active region is healthy and the other close behind. */
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
      "npx dr status shows both regions; for a region that is lost: npx dr promote",
    );
  };
  if (!isPublishing(before, after, active)) refuse(`${active} has published nothing meanwhile.`);
  if (ifKnown(after.healthy[active]) === false) refuse(`${active} does not answer its health check.`);
  const lag = lagOf(after, standby, promotion.leaseSeconds)?.seconds;
  const behind = lag && ifKnown(lag);
  const most = smallLagSeconds(promotion);
  if (behind === undefined) refuse(`How far ${standby} is behind is unknown.`);
  else if (behind > most) refuse(`${standby} is ${duration(behind)} behind; at most ${most} s are small.`);
}
