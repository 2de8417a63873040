import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  answerAt,
  initialRoute,
  isSettled,
  knownAt,
  probed,
  type RouteState,
} from "../../../../lab/workload/service-name/route.js";
import { FAILOVER_DNS } from "../../../../settings/failover-dns-timing.js";

const RULES = {
  primary: "home",
  secondary: "recovery",
  probers: 16,
  probeFailures: FAILOVER_DNS.probeFailures,
  propagationMillis: 5000,
};
const INTERVAL = FAILOVER_DNS.probeIntervalSeconds;

type Up = (region: string, seconds: number) => boolean;

/** Plays probes, evenly spread, until then. @returns where the name led in each tenth of a second. */
function play(up: Up, untilSeconds: number, state: RouteState = initialRoute(RULES)) {
  const answers: string[] = [];
  let now = state;
  for (let tick = 0; tick < untilSeconds * 10; tick++) {
    const seconds = tick / 10;
    for (const region of ["home", "recovery"]) {
      for (let prober = 0; prober < RULES.probers; prober++) {
        const due = Math.round((prober / RULES.probers) * INTERVAL * 10);
        if (tick % (INTERVAL * 10) !== due) continue;
        now = probed(RULES, now, { region, prober, ok: up(region, seconds) }, seconds * 1000);
      }
    }
    answers.push(answerAt(RULES, now, seconds * 1000));
  }
  return { answers, state: now };
}

/** When the name first led there. Seconds. */
const firstAt = (answers: string[], region: string) => answers.indexOf(region) / 10;

describe("failover records", () => {
  const known = (home: boolean, recovery: boolean): RouteState => ({
    probers: {},
    changes: [{ from: 0, healthy: { home, recovery } }],
  });
  test.each([
    ["PRIMARY while it is healthy", true, false, "home"],
    ["PRIMARY while both are", true, true, "home"],
    ["SECONDARY when only that is", false, true, "recovery"],
    ["PRIMARY when neither is", false, false, "home"],
  ])("%s", (_, home, recovery, answer) => {
    expect(answerAt(RULES, known(home, recovery), 1)).toBe(answer);
  });

  test("an answer is not known before it has spread", () => {
    const state: RouteState = {
      probers: {},
      changes: [
        { from: 0, healthy: { home: true, recovery: true } },
        { from: 5000, healthy: { home: false, recovery: true } },
      ],
    };
    expect([4999, 5000].map((at) => answerAt(RULES, state, at))).toEqual(["home", "recovery"]);
  });
});

describe("health checks", () => {
  test("a first answer is believed, and after one interval everybody has asked", () => {
    const { state } = play((region) => region === "home", INTERVAL);
    expect([9_999, 15_000].map((at) => isSettled(state, at))).toEqual([false, true]);
    expect(knownAt(state, 60_000)).toEqual({ home: true, recovery: false });
    expect(isSettled(play(() => true, INTERVAL / 2).state, 60_000)).toBe(false);
  });

  test("a region that falls silent keeps its name for three intervals less a prober or two, and the spreading", () => {
    const { answers } = play((region, at) => region === "recovery" || at < 100, 200);
    const [after] = [firstAt(answers, "recovery") - 100];
    expect(after).toBeGreaterThanOrEqual(2 * INTERVAL + 5);
    expect(after).toBeCloseTo(28.1 + 5, 0);
  });

  test("a region that opens gets its name after the third answer of three of sixteen probers, and the spreading", () => {
    const { answers } = play((region, at) => region === "recovery" && at >= 100, 200);
    expect(firstAt(answers, "recovery") - 100).toBeCloseTo(21.3 + 5, 0);
  });

  test("two failures in a row, everywhere, change nothing; nor do four fifths of all probers for ever", () => {
    const flapping = play((region, at) => region === "home" && at % 30 < 10, 300);
    expect(new Set(flapping.answers)).toEqual(new Set(["home"]));
    let state = initialRoute(RULES);
    for (let round = 0; round < 10; round++)
      for (let prober = 0; prober < RULES.probers; prober++)
        state = probed(RULES, state, { region: "home", prober, ok: prober < 3 }, round);
    expect(knownAt(state, 1e9)).toMatchObject({ home: true });
  });

  test("never faster than two intervals, whatever happens", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 99 }),
        fc.array(fc.boolean(), { maxLength: 40 }),
        (cut, rest) => {
          const { answers } = play((region, at) => {
            if (at < cut) return region === "home";
            return (rest[Math.floor(at - cut)] ?? true) === (region === "recovery");
          }, 140);
          const first = firstAt(answers, "recovery");
          expect(first < 0 || first >= cut + 2 * INTERVAL).toBe(true);
        },
      ),
    );
  });
});
