/** The accidents that show wrong guards, played on the guard as it is: a few of each. For the mutation run. */
import { expect, test } from "vitest";
import { MUTANTS as LEADER } from "../leader/leader-mutants.js";
import { Cluster } from "../leader/sim/cluster.js";
import { MUTANTS as REGION } from "../region/region-mutants.js";
import { Regions } from "../region/sim/regions.js";

const SEEDS = [1, 2];
const OUTAGE_MILLIS = 4_000;

test.each(Object.values(LEADER))("three guards", async ({ scenario, outageMillis = OUTAGE_MILLIS }) => {
  for (const seed of SEEDS) {
    const cluster = new Cluster(scenario(seed));
    expect(await cluster.run()).toEqual([]);
    expect(cluster.longestOutage).toBeLessThanOrEqual(outageMillis);
  }
});

test.each(Object.values(REGION))("two regions", async ({ scenario }) => {
  expect(await new Regions({ ...scenario(1), mutation: {} }).run()).toEqual([]);
});
