/** Runs the `up` and follows its effect at the same time: the claim exists before the `up` ends. */
import { ifKnown } from "../known.js";
import type { Observation } from "../observation.js";
import { BEGUN, type Event, type FollowState, follow, type Outcome, timedOut } from "./follow.js";
import type { PromotionPlan } from "./plan.js";
import type { PromotionPorts } from "./ports.js";
import { eventText } from "./texts.js";

export interface PromotionEnd {
  readonly outcome:
    | Outcome
    | { readonly result: "declined" | "up-failed" | "interrupted"; readonly reason: string };
  readonly events: readonly Event[];
}

/** Between two observations. */
const POLL_MILLIS = 1000;
/** Added to the expected time, for an `up` that used up the objective's time. */
const PATIENCE_SECONDS = 60;

/** @param seen the observation before the start; it shows whether any machine will follow the claim */
export async function carryOut(
  ports: PromotionPorts,
  plan: PromotionPlan,
  seen: Observation,
): Promise<PromotionEnd> {
  const begunAt = ports.now();
  const seconds = () => (ports.now() - begunAt) / 1000;
  const until = ports.hasMachines(seen) ? "open" : "claimed";
  let up: { readonly endedAt: number; readonly error?: Error } | undefined;
  const ended = ports.deployment.up().then(
    () => {
      up = { endedAt: seconds() };
    },
    (error: Error) => {
      up = { endedAt: seconds(), error };
    },
  );
  let state: FollowState = BEGUN;
  let outcome: PromotionEnd["outcome"] | undefined;
  let unreadable: string | undefined;
  while (!outcome) {
    // Read before the observation, so that the observation is at least as new as the end of the `up`.
    const done = up;
    const observation = await ports.observe().catch((error: Error) => {
      if (error.message !== unreadable) ports.say(`  ${error.message}`);
      unreadable = error.message;
      return undefined;
    });
    if (observation) {
      const step = follow(plan, state, observation, seconds(), until);
      for (const event of step.news) ports.say(eventText(event));
      ({ state, outcome } = step);
    }
    if (!outcome && done) outcome = givenUp(ports, plan, state, done, seconds());
    if (!outcome && ports.interrupted() && done) outcome = interrupted(plan);
    if (!outcome) await ports.sleep(POLL_MILLIS);
  }
  await ended;
  const error = up?.error;
  if (error && outcome.result !== "up-failed") outcome = failed(error, state);
  return { outcome, events: state.events };
}

function givenUp(
  { settings }: PromotionPorts,
  plan: PromotionPlan,
  state: FollowState,
  up: { readonly endedAt: number; readonly error?: Error },
  seconds: number,
): PromotionEnd["outcome"] | undefined {
  if (up.error && !isClaimed(state)) return failed(up.error, state);
  const expected = ifKnown(plan.expected)?.seconds ?? settings.objectives.rtoSeconds;
  const limit = Math.max(settings.objectives.rtoSeconds, up.endedAt + expected + PATIENCE_SECONDS);
  return seconds > limit ? timedOut(plan, state, seconds) : undefined;
}

const isClaimed = ({ events }: FollowState): boolean =>
  events.some(({ milestone }) => milestone === "claimed");

function failed({ message }: Error, state: FollowState): PromotionEnd["outcome"] {
  const isOpen = state.events.some(({ milestone }) => milestone === "open");
  const stands = isOpen
    ? "The region is open nevertheless; run the up again to complete the deployment"
    : "The claim is valid, and the guards act on it; run the up again to complete the deployment, and check npx dr status";
  return { result: "up-failed", reason: isClaimed(state) ? `${message}\n${stands}` : message };
}

const interrupted = ({ region, epoch }: PromotionPlan): PromotionEnd["outcome"] => ({
  result: "interrupted",
  reason: `this command no longer follows the promotion; the guards of ${region} continue to open epoch ${epoch}, and npx dr status shows their progress`,
});

/** Whether a script may treat the promotion as done. */
export const isSuccess = ({ outcome: { result } }: PromotionEnd): boolean =>
  result === "active" || result === "claimed";
