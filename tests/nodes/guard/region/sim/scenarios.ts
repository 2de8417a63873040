/** Any mixture of faults, moves and clocks. */
import fc from "fast-check";
import type { Fault, FaultKind, Scenario } from "./regions.js";

const KINDS: FaultKind[] = [
  "kill-region",
  "empty-region",
  "lose-data",
  "freeze-region",
  "isolate",
  "cut-link",
  "flap-links",
  "slow-replicas",
  "cut-table",
  "slow-table",
  "failing-table",
  "kill-node",
  "kill-leader",
  "pause-guard",
  "kill-guard",
  "hang-guards",
  "pause-decision",
  "freeze-node",
  "fence",
  "accept-loss",
];

const rate = fc.integer({ min: -5, max: 5 });
const side = fc.constantFrom(0 as const, 1 as const);
const fault: fc.Arbitrary<Fault> = fc.record({
  kind: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom<FaultKind[]>("claim", "claim", "claims", "claim-again") },
    { weight: 3, arbitrary: fc.constantFrom(...KINDS) },
  ),
  side,
  node: fc.nat({ max: 2 }),
  after: fc.oneof(fc.nat({ max: 3000 }), fc.nat({ max: 25_000 })),
  length: fc.oneof(fc.nat({ max: 4000 }), fc.nat({ max: 60_000 })),
});
export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(),
  rates: fc.array(rate, { minLength: 6, maxLength: 6 }),
  faults: fc.array(fault, { minLength: 1, maxLength: 7 }),
});
