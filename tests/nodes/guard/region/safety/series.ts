import { readdirSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Regions } from "../sim/regions.js";
import { scenarios } from "../sim/scenarios.js";

/** The test files beside this one: each plays its share, so that they use all processors. */
const PARTS = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".test.ts")).length;
/** More, or another seed: `GUARD_RUNS=20000 GUARD_SEED=7 npm test -- tests/nodes/guard/region/safety`. */
const RUNS = Number(process.env.GUARD_RUNS ?? 2_000);
const SEED = Number(process.env.GUARD_SEED ?? 42);
/** Enough for a night's series on a busy host. */
const BUDGET_MILLIS = 3_600_000;

/** Random series of faults on two regions' guards. @param part from 0; each has its own seed */
export function playSeries(part: number): void {
  test("never two regions acknowledging, a planned move loses nothing, an unplanned one no more than was reported", {
    timeout: BUDGET_MILLIS,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        expect(await new Regions(scenario).run()).toEqual([]);
      }),
      { numRuns: Math.ceil(RUNS / PARTS), seed: SEED + part, endOnFailure: true },
    );
  });
}
