/** Checks of `promotion`, and of a region's own keys: what the protocol rests on so that no two regions are writable. */

import type { Problem } from "../common/errors.js";
import type { Check } from "./check.js";
import type { RegionSettings, SharedSettings } from "./schema.js";
import type { RegionStackName } from "./stacks.js";

/**
 * Smallest margin, in seconds, for which all that a region still serves after its lease is over before the other
 * opens: margin ≥ slack + 1 s + 1 % of (lease + margin), solved for the margin.
 * @param slackSeconds what may come on top of the lease.
 */
const smallestMarginSeconds = (leaseSeconds: number, slackSeconds: number): number =>
  Math.ceil((slackSeconds + 1 + 0.01 * leaseSeconds) / 0.99);

const marginCoversClocks: Check<SharedSettings> = ({ promotion, failover }) => {
  const { leaseSeconds, marginSeconds, readIntervalSeconds } = promotion;
  const { leaderLeaseSeconds } = failover;
  const slack =
    readIntervalSeconds >= leaderLeaseSeconds
      ? `the read interval (${readIntervalSeconds})`
      : // With or without the leader lease: it is how long a port stays open at a time.
        `failover.leaderLeaseSeconds (${leaderLeaseSeconds}), by which a replica's port may outlive the region lease,`;
  const least = smallestMarginSeconds(leaseSeconds, Math.max(readIntervalSeconds, leaderLeaseSeconds));
  return marginSeconds >= least
    ? []
    : [
        {
          key: "promotion.marginSeconds",
          value: marginSeconds,
          reason: `must be at least ${slack} + 1 s + 1 % of lease and margin, or two regions could be writable at once`,
          remedy: `set at least ${least}`,
        },
      ];
};

const leaseOutlivesReads: Check<SharedSettings> = ({ promotion }) =>
  promotion.leaseSeconds > 3 * promotion.readIntervalSeconds
    ? []
    : [
        {
          key: "promotion.leaseSeconds",
          value: promotion.leaseSeconds,
          reason: `is not above three reads (every ${promotion.readIntervalSeconds} s); a healthy region would fence itself when two of them fail`,
          remedy: `set at least ${3 * promotion.readIntervalSeconds + 1}`,
        },
      ];

export const PROMOTION_CHECKS: readonly Check<SharedSettings>[] = [marginCoversClocks, leaseOutlivesReads];

/** Epochs for which an operator answers himself. */
const OVERRIDES = ["fenced", "acceptDataLoss"] as const;

/** Checks of one region's own keys: home epochs are odd and recovery epochs even, so there are no ties. */
export function checkRegion(stack: RegionStackName, settings: RegionSettings): Problem[] {
  const { epoch, yieldedTo } = settings;
  const ownParity = stack === "prod" ? 1 : 0;
  const word = ownParity === 1 ? "odd" : "even";
  const other = ownParity === 1 ? "even" : "odd";
  const isOwn = (number: number) => number === 0 || number % 2 === ownParity;
  const problems: Problem[] = [];
  if (!isOwn(epoch)) {
    problems.push({
      key: "epoch",
      value: epoch,
      reason: `epochs of stack ${stack} are ${word}, so that two regions never claim the same one`,
      remedy: `use ${epoch + 1}`,
    });
  }
  if (yieldedTo !== 0 && isOwn(yieldedTo)) {
    problems.push({
      key: "yieldedTo",
      value: yieldedTo,
      reason: `is an epoch of this stack itself; the other region's epochs are ${other}`,
      remedy: "name the epoch that the other region claimed",
    });
  }
  for (const key of OVERRIDES) {
    const value = settings[key];
    if (!isOwn(value)) {
      problems.push({
        key,
        value,
        reason: `is an epoch of the other region; epochs of stack ${stack} are ${word}`,
        remedy: `name the epoch of this promotion (epoch is ${epoch})`,
      });
    } else if (value > epoch) {
      // An override from an earlier promotion has no effect. One for a later epoch would apply to a promotion that
      // no operator has looked at yet.
      problems.push({
        key,
        value,
        reason: `is above this region's epoch (${epoch}): an override for a later promotion can't be judged yet`,
        remedy: `set epoch to ${value} with it, or remove it (pulumi config rm ${key} --stack ${stack})`,
      });
    }
  }
  return problems;
}
