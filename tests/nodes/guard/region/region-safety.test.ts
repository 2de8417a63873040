import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Regions } from "./sim/regions.js";
import { scenarios } from "./sim/scenarios.js";

/** More, or another seed: `GUARD_RUNS=20000 GUARD_SEED=7 npm test -- tests/nodes/guard/region`. */
const RUNS = Number(process.env.GUARD_RUNS ?? 1_500);
const SEED = Number(process.env.GUARD_SEED ?? 42);
const BUDGET_MILLIS = 600_000;

describe("two regions' guards, under faults", () => {
  test("never two regions acknowledging, a planned move loses nothing, an unplanned one no more than was reported", {
    timeout: BUDGET_MILLIS,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        expect(await new Regions(scenario).run()).toEqual([]);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
  });
});
