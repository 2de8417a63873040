/**
 * A guided promotion: observe, preview, observe again, show the plan, ask; then run `up` and follow until the region
 * serves. If it stops before the `up`, it restores the settings that it changed.
 */

import { UserError } from "../../common/errors.js";
import type { Change } from "../engine/events.js";
import type { Observation } from "../observation.js";
import { assertOnlyCreates } from "./allowed-changes.js";
import { carryOut, type PromotionEnd } from "./carry-out.js";
import type { Answer } from "./confirm.js";
import type { Deployment, PromotionSetting } from "./deployment.js";
import { type Target, targetOf } from "./epoch.js";
import { type PromotionPlan, planPromotion, publishingSeconds } from "./plan.js";
import type { PromotionPorts } from "./ports.js";
import { OVERRIDE_ITEMS, type PromotionRequest } from "./request.js";
import { requireHealthy } from "./switchover.js";
import { planText, questionText } from "./texts.js";

export interface PromotionResult extends PromotionEnd {
  readonly plan: PromotionPlan;
}

/** @throws UserError when the promotion must not or can't start. */
export async function runPromotion(
  ports: PromotionPorts,
  request: PromotionRequest,
): Promise<PromotionResult> {
  const { deployment, contract } = ports;
  const before = await ports.observe();
  const lookedAt = ports.now();
  const target = targetOf(before, request, contract[request.region]);
  const settings = new ChangedSettings(deployment);
  let answer: Answer = "none";
  let plan: PromotionPlan;
  try {
    await settings.set("epoch", `${target.epoch}`);
    for (const key of target.overrides) await settings.set(key, `${target.epoch}`);
    plan = await prepare(ports, request, target, before, lookedAt);
    ports.say(planText(plan, contract));
    answer = await ports.confirm(questionText(plan));
  } finally {
    if (answer !== "yes") await settings.takeBack();
  }
  if (answer === "yes") return { plan, ...(await carryOut(ports, plan, before)) };
  const why = answer === "no" ? "you answered no" : "you gave no answer";
  const reason = `nothing was changed: ${why}`;
  return { plan, events: [], outcome: { result: "declined", reason } };
}

async function prepare(
  ports: PromotionPorts,
  request: PromotionRequest,
  target: Target,
  before: Observation,
  lookedAt: number,
): Promise<PromotionPlan> {
  const { deployment, contract, settings } = ports;
  const changes = await deployment.preview();
  ports.showChanges(changes);
  requirePromotion(changes, target, deployment.name, request);
  // Long enough for a region that publishes to do so at least once.
  await ports.sleep(Math.max(0, publishingSeconds(settings.promotion) * 1000 - (ports.now() - lookedAt)));
  const after = await ports.observe();
  requireSame(target, targetOf(after, request, contract[request.region]));
  if (request.plannedOnly) requireHealthy(before, after, settings.promotion);
  return planPromotion(request, before, after, { settings, contract, site: deployment.site });
}

/** @throws UserError with every other change in the preview. */
function requirePromotion(
  changes: readonly Change[],
  { epoch, claims, overrides }: Target,
  name: string,
  { plannedOnly }: PromotionRequest,
): void {
  const runbook = plannedOnly ? "planned-region-switchover.md" : "unplanned-region-failover.md";
  const wanted = overrides.map((key) => `${OVERRIDE_ITEMS[key]}-${epoch}`);
  try {
    assertOnlyCreates(changes, claims ? [`claim-${epoch}`, ...wanted] : wanted);
  } catch (error) {
    throw new UserError(
      "the preview shows more than a promotion",
      (error as Error).message,
      `deploy the other changes first (${name}, with the old epoch), or promote by hand: runbooks/${runbook}`,
    );
  }
}

/** Another operator may have claimed an epoch during the preview. */
function requireSame(before: Target, after: Target): void {
  if (before.epoch === after.epoch && before.claims === after.claims) return;
  throw new UserError(
    `epoch ${before.epoch}`,
    "Another operator has claimed an epoch since this command started.",
    "check both regions with npx dr status, then start again",
  );
}

/** The settings that this run changed, and their values before. */
class ChangedSettings {
  private readonly before: { key: PromotionSetting; value: string | undefined }[] = [];

  constructor(private readonly deployment: Deployment) {}

  async set(key: PromotionSetting, value: string): Promise<void> {
    const { [key]: old } = await this.deployment.settings();
    if (old === value) return;
    this.before.push({ key, value: old });
    await this.deployment.set(key, value);
  }

  async takeBack(): Promise<void> {
    for (const { key, value } of this.before.splice(0).reverse()) await this.deployment.set(key, value);
  }
}
