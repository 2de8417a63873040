import { describe, expect, test } from "vitest";
import { MUTANTS } from "./mutants.js";
import { Cluster, type Scenario } from "./sim/cluster.js";
import type { Mutation } from "./sim/guard.js";

const SEEDS = Array.from({ length: 32 }, (_, i) => i + 1);
/** Lease, allowance and election; a guard that isn't wrong needs 3.4 s at most in these scenarios. */
const OUTAGE_MILLIS = 4_000;

function wrongs(scenario: Scenario, mutation?: Mutation): readonly string[] {
  const cluster = new Cluster(scenario, mutation);
  const violations = cluster.run();
  const outage = cluster.longestOutage;
  return outage > OUTAGE_MILLIS ? [...violations, `nobody wrote for ${Math.round(outage)} ms`] : violations;
}

describe.each(Object.entries(MUTANTS))("a guard that %s", (_name, { mutation, scenario }) => {
  test("is noticed, and by what a right one withstands", { timeout: 240_000 }, () => {
    for (const seed of SEEDS) expect(wrongs(scenario(seed)), `seed ${seed}`).toEqual([]);
    const noticed = SEEDS.filter((seed) => wrongs(scenario(seed), mutation).length > 0);
    // Not by chance: at many phases of the leader's renewals.
    expect(noticed.length).toBeGreaterThanOrEqual(SEEDS.length / 4);
  });
});
