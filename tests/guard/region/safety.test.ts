import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Fault, type FaultKind, Regions, type Scenario } from "./sim/regions.js";

/** More, or another seed: `GUARD_RUNS=20000 GUARD_SEED=7 npx vitest run --project unit tests/guard/region`. */
const RUNS = Number(process.env.GUARD_RUNS ?? 10_000);
const SEED = Number(process.env.GUARD_SEED ?? 42);
const BUDGET_MILLIS = 900_000;

const KINDS: FaultKind[] = [
  "kill-region",
  "freeze-region",
  "isolate",
  "cut-link",
  "cut-table",
  "slow-table",
  "failing-table",
  "kill-node",
  "kill-leader",
  "pause-guard",
  "kill-guard",
  "freeze-node",
  "fence",
  "accept-loss",
];

const rate = fc.integer({ min: -5, max: 5 });
const side = fc.constantFrom(0 as const, 1 as const);
const fault: fc.Arbitrary<Fault> = fc.record({
  kind: fc.oneof(
    { weight: 2, arbitrary: fc.constant<FaultKind>("claim") },
    { weight: 3, arbitrary: fc.constantFrom(...KINDS) },
  ),
  side,
  node: fc.nat({ max: 2 }),
  after: fc.oneof(fc.nat({ max: 3000 }), fc.nat({ max: 25_000 })),
  length: fc.oneof(fc.nat({ max: 4000 }), fc.nat({ max: 60_000 })),
});
const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(),
  rates: fc.array(rate, { minLength: 6, maxLength: 6 }),
  faults: fc.array(fault, { minLength: 1, maxLength: 7 }),
});

describe("two regions' guards, under faults", () => {
  test("never two regions acknowledging, a planned move loses nothing, an unplanned one no more than was reported", {
    timeout: BUDGET_MILLIS,
  }, () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        expect(new Regions(scenario).run()).toEqual([]);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
  });
});
