import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Cluster, type Fault, type FaultKind, type Scenario } from "./sim/cluster.js";

/** More, or another seed: `GUARD_RUNS=20000 GUARD_SEED=7 npm test -- tests/nodes/guard/leader`. */
const RUNS = Number(process.env.GUARD_RUNS ?? 2000);
const SEED = Number(process.env.GUARD_SEED ?? 42);
const BUDGET_MILLIS = 300_000;

const KINDS: FaultKind[] = [
  "freeze",
  "kill",
  "cut",
  "cut-in",
  "cut-out",
  "cut-etcd",
  "cut-etcd-in",
  "slow-answers",
  "pause-guard",
  "kill-guard",
  "pause-patroni",
  "etcd-down",
  "wall-step",
];

const rate = fc.integer({ min: -10, max: 10 });
const fault: fc.Arbitrary<Fault> = fc.record({
  kind: fc.constantFrom(...KINDS),
  node: fc.oneof({ weight: 3, arbitrary: fc.constant(3) }, { weight: 2, arbitrary: fc.nat({ max: 2 }) }),
  after: fc.nat({ max: 4000 }),
  length: fc.nat({ max: 9000 }),
});
const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(),
  slowness: fc.constantFrom(0, 0.02, 0.15),
  rates: fc.tuple(rate, rate, rate),
  faults: fc.array(fault, { minLength: 1, maxLength: 6 }),
  leaderLease: fc.oneof(
    { weight: 7, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
  lateWatch: fc.boolean(),
});

const violations = (scenario: Scenario) => new Cluster(scenario).run();

describe("three guards, their Patronis and etcd, under faults", () => {
  test("never two writers, no takeover while clients still reach the old leader, no acknowledged write lost, and a node leads", {
    timeout: BUDGET_MILLIS,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        expect(await violations(scenario)).toEqual([]);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
  });

  test("a leader that dies, hangs or is cut off is replaced long before Patroni's ttl", async () => {
    for (const kind of ["kill", "freeze", "cut", "cut-etcd", "cut-in", "cut-out"] as const) {
      const cluster = new Cluster({
        seed: 1,
        slowness: 0,
        rates: [10, -10, 0],
        faults: [{ kind, node: 3, after: 100, length: 9000 }],
      });
      expect(await cluster.run(), kind).toEqual([]);
      expect(cluster.takeovers, kind).toBe(1);
      expect(cluster.longestOutage, kind).toBeLessThan(4_000);
    }
  });

  test("a lost etcd leads to no takeover", async () => {
    const faults = [{ kind: "etcd-down", node: 0, after: 100, length: 3000 }] as const;
    const cluster = new Cluster({ seed: 3, slowness: 0, rates: [0, 0, 0], faults });
    expect(await cluster.run()).toEqual([]);
    expect(cluster.takeovers).toBe(0);
  });
});
