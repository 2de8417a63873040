/** The `up`, and beside it the look at what comes of it: claims are made before it ends. */
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

/** Between two looks. */
const POLL_MILLIS = 1000;
/** Beyond what is expected, after an `up` that took all of the objective's time. */
const PATIENCE_SECONDS = 60;

/** @param seen before it began: whether any machine will follow the claim */
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
    // Before the look: what it shows is then as new as the end of the `up`.
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
    ? "The region is open nevertheless; run the up again for what is missing"
    : "The claim stands, and the guards go by it; run the up again for what is missing, and see npx dr status";
  return { result: "up-failed", reason: isClaimed(state) ? `${message}\n${stands}` : message };
}

const interrupted = ({ region, epoch }: PromotionPlan): PromotionEnd["outcome"] => ({
  result: "interrupted",
  reason: `nobody looks on any more; the guards of ${region} go on opening epoch ${epoch}, and npx dr status shows how far they are`,
});

/** What a script may take for done. */
export const isSuccess = ({ outcome: { result } }: PromotionEnd): boolean =>
  result === "active" || result === "claimed";
