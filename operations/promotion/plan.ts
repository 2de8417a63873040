/** What a promotion will do and whether it may start, from two observations: before and after the preview. Pure. */

import { duration } from "../../common/duration.js";
import { UserError } from "../../common/errors.js";
import { type Contract, otherRegion } from "../../settings/contract.js";
import type { SharedSettings, Site } from "../../settings/schema.js";
import { ifKnown, type Known, known } from "../known.js";
import { type Lag, lagOf } from "../lag.js";
import type { Observation } from "../observation.js";
import { type Target, targetOf } from "./epoch.js";
import { type ExpectedTime, expectedTime } from "./expected.js";
import type { PromotionKind, PromotionRequest } from "./request.js";

export interface PromotionPlan extends Target {
  readonly region: PromotionRequest["region"];
  readonly kind: PromotionKind;
  readonly expected: Known<ExpectedTime>;
  /** The most recent seconds of the other region's writes that may be lost, at most. */
  readonly lossSeconds: Known<number>;
  readonly warnings: readonly string[];
}

export interface PlanContext {
  readonly settings: Pick<SharedSettings, "promotion" | "failover">;
  readonly contract: Pick<Contract, "home" | "recovery">;
  /** Of the region to promote. */
  readonly site: Site;
}

/** The minimum time between two observations that show whether a region publishes. */
export const publishingSeconds = ({ readIntervalSeconds }: SharedSettings["promotion"]): number =>
  2 * readIntervalSeconds + 1;

/**
 * @param before,after at least `publishingSeconds` apart.
 * @throws UserError when the promotion must not start.
 */
export function planPromotion(
  request: PromotionRequest,
  before: Observation,
  after: Observation,
  { settings, contract, site }: PlanContext,
): PromotionPlan {
  const { region } = request;
  const target = targetOf(after, request, contract[region]);
  const publishes = isPublishing(before, after, otherRegion(region));
  const isFenced = request.fenced || after.regions[region].overrides.fenced === target.epoch;
  const accepts = request.acceptDataLoss || after.regions[region].overrides.acceptDataLoss === target.epoch;
  const kind = kindOf(after, region, publishes, isFenced);
  if (request.fenced && publishes) refuseFenced(region);
  const seen = lagOf(after, region, settings.promotion.leaseSeconds);
  if (kind === "planned" && !accepts && isAbsent(seen)) refuseAbsent(region, contract);
  const lag = seen?.seconds ?? known(0);
  const losesNothing = kind === "planned" || kind === "unopposed";
  if (!losesNothing && !accepts) refuseLag(region, lag, settings.promotion);
  return {
    ...target,
    region,
    kind,
    expected: expectedTime(kind, settings, site),
    lossSeconds: losesNothing ? known(0) : lag,
    warnings: warningsOf(after, { region, kind, accepts, lag, promotion: settings.promotion }),
  };
}

/** A region's item changes every few seconds as long as one of its guards runs and reaches the table. */
export const isPublishing = (before: Observation, after: Observation, region: PromotionRequest["region"]) =>
  after.regions[region].status.sequence !== before.regions[region].status.sequence;

function kindOf(
  { regions }: Observation,
  region: PromotionRequest["region"],
  publishes: boolean,
  isFenced: boolean,
): PromotionKind {
  const peer = regions[otherRegion(region)];
  // The guards' own rule: the other region can't open any epoch above the one that this region has opened.
  if (peer.claimed === 0 || peer.claimed < regions[region].status.opened) return "unopposed";
  if (publishes) return "planned";
  return isFenced ? "fenced" : "unplanned";
}

function refuseFenced(region: PromotionRequest["region"]): void {
  const other = otherRegion(region);
  throw new UserError(
    "--fenced",
    `${other} is not silent: its guards wrote to the claim table a moment ago. Without the wait both regions could take writes.`,
    `omit --fenced, because ${other} hands over by itself; or stop all of its database nodes first`,
  );
}

/** The region's guards prove every few seconds that it follows, as long as one of them runs. */
const ABSENT_SECONDS = 60;
const isAbsent = (lag: Lag | undefined): boolean =>
  (lag && (ifKnown(lag.proofAgeSeconds) ?? Number.POSITIVE_INFINITY) > ABSENT_SECONDS) ?? false;

/** The active region would close at once, for a region in which no guard can open. */
function refuseAbsent(region: PromotionRequest["region"], contract: PlanContext["contract"]): void {
  const { stack } = contract[region];
  throw new UserError(
    `${region} is not ready: none of its guards has proven for a minute that it follows`,
    `${otherRegion(region)} serves. It would close at once, and clients couldn't connect until ${region} has machines and all data.`,
    `warm up a cold site first: pulumi config set site warm --stack ${stack} && pulumi up --stack ${stack}, then wait until npx dr status shows that it follows; on a twin: npx dr twin up --regions 2`,
  );
}

function refuseLag(
  region: PromotionRequest["region"],
  lag: Known<number>,
  { lagBudgetSeconds }: SharedSettings["promotion"],
): void {
  const behind = ifKnown(lag);
  if (behind === undefined || behind <= lagBudgetSeconds) return;
  throw new UserError(
    `${region} lags by up to ${duration(behind)}`,
    `That is above promotion.lagBudgetSeconds (${lagBudgetSeconds}). Its guards would refuse to open, but the claim would be permanent.`,
    `bring ${otherRegion(region)} back, or pass --accept-data-loss to continue without its last writes`,
  );
}

function warningsOf(
  { regions }: Observation,
  {
    region,
    kind,
    accepts,
    lag,
    promotion: { lagBudgetSeconds },
  }: {
    readonly region: PromotionRequest["region"];
    readonly kind: PromotionKind;
    readonly accepts: boolean;
    readonly lag: Known<number>;
    readonly promotion: SharedSettings["promotion"];
  },
): string[] {
  const other = otherRegion(region);
  const { demoted, opened } = regions[other].status;
  const warnings: string[] = [];
  if (kind === "planned" && accepts)
    warnings.push(`because you accept data loss, ${region} doesn't wait for the end of ${other}'s log`);
  if (kind === "planned" || kind === "unopposed") return warnings;
  if (!accepts && "unknown" in lag)
    warnings.push(
      `the lag of ${region} is unknown; its guards refuse to open above ${lagBudgetSeconds} s, or if they don't know the lag either`,
    );
  if (!accepts && demoted !== undefined && demoted.of === opened)
    warnings.push(
      `${other} has demoted ${demoted.node} but has not released: only --accept-data-loss ends the wait for the release`,
    );
  return warnings;
}
