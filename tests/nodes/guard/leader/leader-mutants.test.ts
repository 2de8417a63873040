import { describe, expect, test } from "vitest";
import { MUTANTS } from "./leader-mutants.js";
import { Cluster } from "./sim/cluster.js";
import type { Mutation } from "./sim/guard-process.js";

const SEEDS = Array.from({ length: 16 }, (_, i) => i + 1);
/** A guard that isn't wrong needs 3.4 s at most, where there is one fault. */
const OUTAGE_MILLIS = 4_000;

describe.each(Object.entries(MUTANTS))("a guard that %s", (_name, mutant) => {
  const { mutation, scenario, share = 1 / 4, outageMillis = OUTAGE_MILLIS } = mutant;
  const wrongs = async (seed: number, wrong?: Mutation): Promise<readonly string[]> => {
    const cluster = new Cluster(scenario(seed), wrong);
    const violations = await cluster.run();
    const outage = cluster.longestOutage;
    return outage > outageMillis
      ? [...violations, `no node accepted writes for ${Math.round(outage)} ms`]
      : violations;
  };

  test("is noticed, and by what a right one withstands", { timeout: 600_000 }, async () => {
    for (const seed of SEEDS) expect(await wrongs(seed), `seed ${seed}`).toEqual([]);
    const noticed: number[] = [];
    for (const seed of SEEDS) if ((await wrongs(seed, mutation)).length > 0) noticed.push(seed);
    // Not by chance: at many phases of the leader's renewals.
    expect(noticed.length).toBeGreaterThanOrEqual(SEEDS.length * share);
  });
});
