/**
 * The progress of a promotion: turns each observation into milestones, lines and an outcome. It looks at the current
 * state, not at changes, so a missed observation loses only the time of an event. Pure.
 */

import { otherRegion } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import { roleOf, yieldsOf } from "../glance.js";
import { ifKnown } from "../known.js";
import { leadingGuard } from "../leading.js";
import type { Observation } from "../observation.js";
import type { PromotionPlan } from "./plan.js";

/** In this order; `released` is left out if the other region doesn't release. */
export type Milestone = "claimed" | "released" | "promoted" | "open";

export interface Event {
  /** Since the start of the promotion. */
  readonly seconds: number;
  readonly text: string;
  readonly milestone?: Milestone;
}

export interface FollowState {
  readonly events: readonly Event[];
  /** The last reported reason for waiting. */
  readonly waiting?: string;
}

export interface Outcome {
  readonly result: "active" | "claimed" | "superseded" | "timed-out";
  readonly reason: string;
}

export interface Following {
  readonly state: FollowState;
  /** New events, to print. */
  readonly news: readonly Event[];
  readonly outcome?: Outcome;
}

export const BEGUN: FollowState = { events: [] };

type Followed = Pick<PromotionPlan, "region" | "epoch">;

/**
 * @param until `claimed` if no machine runs that could open the epoch
 */
export function follow(
  { region, epoch }: Followed,
  before: FollowState,
  observation: Observation,
  seconds: number,
  until: "claimed" | "open",
): Following {
  const reached = new Set(before.events.flatMap(({ milestone }) => milestone ?? []));
  const news: Event[] = milestonesOf(observation, region, epoch)
    .filter(({ milestone }) => !reached.has(milestone))
    .map(({ milestone, text }) => ({ seconds, milestone, text }));
  const outcome = outcomeOf(observation, region, epoch, until);
  const waiting = outcome ? undefined : waitsFor(observation, region, epoch);
  if (waiting !== undefined && waiting !== before.waiting)
    news.push({ seconds, text: `waiting: ${waiting}` });
  return { state: { events: [...before.events, ...news], waiting }, news, outcome };
}

/** The outcome when the time limit is over. */
export const timedOut = (
  { region, epoch }: Followed,
  { waiting }: FollowState,
  seconds: number,
): Outcome => ({
  result: "timed-out",
  reason: `${region} is not active in epoch ${epoch} after ${Math.round(seconds)} s${waiting ? `; it is waiting: ${waiting}` : ""}`,
});

function milestonesOf(
  observation: Observation,
  region: RegionId,
  epoch: number,
): { readonly milestone: Milestone; readonly text: string }[] {
  const other = otherRegion(region);
  const { claimed, status } = observation.regions[region];
  const { released } = observation.regions[other].status;
  const isOpened = status.opened >= epoch;
  const isPrimary = leadingGuard(observation, region)?.status?.region.log?.isPrimary === true;
  const found: { milestone: Milestone; text: string }[] = [];
  if (claimed < epoch) return found;
  found.push({ milestone: "claimed", text: `claimed epoch ${epoch}` });
  if (released?.epoch === epoch) found.push({ milestone: "released", text: `${other} has released` });
  if (isOpened || isPrimary)
    found.push({ milestone: "promoted", text: `PostgreSQL is promoted in ${region}` });
  if (isOpened && isServing(observation, region)) {
    const { opening } = status;
    found.push({ milestone: "open", text: `open: ${opening?.reason ?? `epoch ${epoch}`}` });
  }
  return found;
}

/** According to its guards if they are reachable: the epoch opens a moment before the port does. */
const isServing = ({ guards }: Observation, region: RegionId): boolean =>
  "unknown" in guards ||
  guards.value.some((guard) => guard.region === region && ifKnown(guard.status)?.active === true);

function outcomeOf(
  observation: Observation,
  region: RegionId,
  epoch: number,
  until: "claimed" | "open",
): Outcome | undefined {
  const other = otherRegion(region);
  const { regions } = observation;
  if (regions[other].claimed > epoch) {
    return {
      result: "superseded",
      reason: `${other} has meanwhile claimed epoch ${regions[other].claimed}, which is above ${epoch}`,
    };
  }
  const { claimed, status } = regions[region];
  if (claimed < epoch) return undefined;
  if (until === "claimed")
    return {
      result: "claimed",
      reason: `epoch ${epoch} is claimed; no machine runs here that could open it`,
    };
  const isActive = roleOf(observation, region) === "active" && status.opened === claimed;
  if (!isActive || !isServing(observation, region)) return undefined;
  return { result: "active", reason: `${region} is active in epoch ${claimed}` };
}

function waitsFor(observation: Observation, region: RegionId, epoch: number): string | undefined {
  const other = otherRegion(region);
  if (observation.regions[region].claimed < epoch) return undefined;
  const told = leadingGuard(observation, region)?.status?.region.waitsFor;
  const yields = yieldsOf(observation, other);
  // A release is reported as a milestone.
  return told ?? (yields?.startsWith("has released") ? undefined : yields && `${other} ${yields}`);
}
