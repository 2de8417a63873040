/**
 * A guided promotion: look, preview, look again, say what will happen, ask; then `up`, and follow until the region
 * serves. What was set before the `up` is taken back when it goes no further.
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

/** @throws UserError when it must not be begun, or can't be. */
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
  const why = answer === "no" ? "the question was answered with no" : "the question was not answered";
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
  // Long enough that a region that publishes must have done so in between.
  await ports.sleep(Math.max(0, publishingSeconds(settings.promotion) * 1000 - (ports.now() - lookedAt)));
  const after = await ports.observe();
  requireSame(target, targetOf(after, request, contract[request.region]));
  if (request.plannedOnly) requireHealthy(before, after, settings.promotion);
  return planPromotion(request, before, after, { settings, contract, site: deployment.site });
}

/** @throws UserError naming what else the preview would change. */
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
      "the preview shows something else than a promotion",
      (error as Error).message,
      `deploy what differs first (${name}, with the epoch as it was), or promote by hand: runbooks/${runbook}`,
    );
  }
}

/** Somebody else may have claimed while this one was previewed. */
function requireSame(before: Target, after: Target): void {
  if (before.epoch === after.epoch && before.claims === after.claims) return;
  throw new UserError(
    `epoch ${before.epoch}`,
    "Somebody has claimed an epoch since this command began.",
    "npx dr status shows both regions; then begin again",
  );
}

/** Settings that were changed, and how they stood. */
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
