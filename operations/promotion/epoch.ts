/** Which epoch a promotion claims or continues. Pure. */
import { UserError } from "../../common/errors.js";
import { otherRegion, type RegionContract } from "../../settings/contract.js";
import { roleOf } from "../glance.js";
import type { Observation } from "../observation.js";
import type { OverrideKey, PromotionRequest } from "./request.js";

export interface Target {
  readonly epoch: number;
  /** Whether this promotion makes the claim; false when the claim exists and the region hasn't opened it yet. */
  readonly claims: boolean;
  /** Overrides that it adds; overrides that the table has already are not written again. */
  readonly overrides: readonly OverrideKey[];
}

/** The region's smallest number above both claims. */
export function nextEpoch(
  { regions: { home, recovery } }: Pick<Observation, "regions">,
  parity: 0 | 1,
): number {
  const above = Math.max(home.claimed, recovery.claimed) + 1;
  return above % 2 === parity ? above : above + 1;
}

/** @throws UserError if the region is active already, or if it can't claim the number. */
export function targetOf(
  observation: Pick<Observation, "regions">,
  { region, epoch: wanted, fenced, acceptDataLoss }: PromotionRequest,
  { stack, epochParity }: Pick<RegionContract, "stack" | "epochParity">,
): Target {
  const { claimed, overrides: present } = observation.regions[region];
  const role = roleOf(observation, region);
  const missing = (epoch: number) =>
    [fenced && "fenced", acceptDataLoss && "acceptDataLoss"].filter(
      (key): key is OverrideKey => key !== false && present[key as OverrideKey] !== epoch,
    );
  if (role === "active") {
    throw new UserError(
      `${region} (stack ${stack}) is already active in epoch ${claimed}`,
      "There is nothing to promote.",
      `npx dr status shows both regions; to move the service away, promote ${otherRegion(region)}`,
    );
  }
  if (role === "pending" && (wanted === undefined || wanted === claimed))
    return { epoch: claimed, claims: false, overrides: missing(claimed) };
  const epoch = wanted ?? nextEpoch(observation, epochParity);
  refuseBad(epoch, nextEpoch(observation, epochParity), stack, epochParity);
  return { epoch, claims: true, overrides: missing(epoch) };
}

function refuseBad(epoch: number, next: number, stack: string, parity: 0 | 1): void {
  if (epoch % 2 !== parity) {
    throw new UserError(
      `--epoch ${epoch}`,
      `Epochs of stack ${stack} are ${parity === 1 ? "odd" : "even"}, so that two regions never claim the same one.`,
      `omit the option, or pass ${next}`,
    );
  }
  if (epoch < next) {
    throw new UserError(
      `--epoch ${epoch}`,
      "It is not above both regions' claims. A used epoch can't be used again, and a lower one has no effect.",
      `omit the option, or pass ${next}`,
    );
  }
}
