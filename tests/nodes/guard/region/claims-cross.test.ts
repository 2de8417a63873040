import { expect, test } from "vitest";
import type { Fault, Scenario } from "./sim/regions.js";
import { Regions } from "./sim/regions.js";

const fault = (kind: Fault["kind"], side: 0 | 1, node: number, after: number, length: number): Fault => ({
  kind,
  side,
  node,
  after,
  length,
});

/**
 * Home claims epoch 3 and is being promoted; the other region claims 4 in the moment between the change of the role in
 * etcd and Patroni's promotion. Found by random series (`GUARD_SEED=44`): home's guard gave the promotion up and opened
 * the port again, as a standby leader's, just as PostgreSQL became writable.
 */
test("a promotion that a newer claim ends leaves no port open", async () => {
  const scenario: Scenario = {
    seed: 1693566668,
    rates: [1, -2, -5, -2, 3, -2],
    faults: [
      fault("claim", 1, 2, 4084, 33678),
      fault("claims", 0, 1, 2766, 24009),
      fault("claims", 1, 0, 913, 16703),
      fault("claims", 0, 2, 13047, 3044),
      fault("claims", 0, 0, 21809, 59789),
      fault("accept-loss", 0, 1, 14589, 1609),
    ],
  };
  expect(await new Regions(scenario).run()).toEqual([]);
});
