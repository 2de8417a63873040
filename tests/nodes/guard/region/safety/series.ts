import { readdirSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Regions } from "../sim/regions.js";
import { scenarios } from "../sim/scenarios.js";
import { EXERCISED } from "./exercised.js";

/** The test files beside this one: each plays its share, so that they use all processors. */
const PARTS = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".test.ts")).length;
/** More, or another seed: `GUARD_RUNS=20000 GUARD_SEED=7 npm test -- tests/nodes/guard/region/safety`. */
const RUNS = Number(process.env.GUARD_RUNS ?? 10_000);
const SEED = Number(process.env.GUARD_SEED ?? 42);
/** Enough for a night's series on a busy host. */
const BUDGET_MILLIS = 3_600_000;

/** Random series of faults on two regions' guards. @param part from 0; each has its own seed */
export function playSeries(part: number): void {
  test("never two regions acknowledging, a planned move loses nothing, an unplanned one no more than was reported", {
    timeout: BUDGET_MILLIS,
  }, async () => {
    const numRuns = Math.ceil(RUNS / PARTS);
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const regions = new Regions(scenario);
        expect(await regions.run()).toEqual([]);
        for (const what of regions.world.seen) seen.set(what, (seen.get(what) ?? 0) + 1);
      }),
      { numRuns, seed: SEED + part, endOnFailure: true },
    );
    const rare = Object.entries(EXERCISED).filter(
      ([what, least]) => (seen.get(what) ?? 0) < Math.floor((least * numRuns) / 1000),
    );
    expect(rare, "these occurred in too few series").toEqual([]);
  });
}
