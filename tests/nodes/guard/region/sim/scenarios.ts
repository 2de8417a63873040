/** Any mixture of faults, moves and clocks. */
import fc from "fast-check";
import type { Fault, FaultKind, Scenario } from "./regions.js";
import { other } from "./table.js";

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
  // Mostly close to the one before: many interleave, and few wait for a lease.
  after: fc.oneof(
    { weight: 2, arbitrary: fc.nat({ max: 3000 }) },
    { weight: 1, arbitrary: fc.nat({ max: 25_000 }) },
  ),
  length: fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: 4000 }) },
    { weight: 2, arbitrary: fc.nat({ max: 30_000 }) },
    { weight: 1, arbitrary: fc.nat({ max: 60_000 }) },
  ),
});
/** A region is lost for longer than its lease, and a person claims the other one: chance alone seldom brings the two together. */
const disaster: fc.Arbitrary<Fault[]> = fc
  .record({
    kind: fc.constantFrom<FaultKind[]>("kill-region", "freeze-region", "isolate", "hang-guards", "cut-table"),
    side,
    after: fc.nat({ max: 8000 }),
    length: fc.integer({ min: 15_000, max: 45_000 }),
    claimedAfter: fc.nat({ max: 4000 }),
  })
  .map(({ claimedAfter, ...lost }) => [
    { ...lost, node: 0 },
    { kind: "claim", side: other(lost.side), node: 0, after: claimedAfter, length: 0 },
  ]);
export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.nat(),
  rates: fc.array(rate, { minLength: 6, maxLength: 6 }),
  faults: fc
    .array(
      fc.oneof({ weight: 12, arbitrary: fault.map((one) => [one]) }, { weight: 1, arbitrary: disaster }),
      { minLength: 1, maxLength: 7 },
    )
    .map((parts) => parts.flat()),
});
