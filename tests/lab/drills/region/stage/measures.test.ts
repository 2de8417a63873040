/** Items that are lost with a region: explained by the lag that was reported, or wrong. */
import { describe, expect, test } from "vitest";
import { itemMeasures } from "../../../../../lab/drills/region/stage/measures.js";
import type { RegionObservations } from "../../../../../lab/drills/region/stage/moves.js";
import type { RequestEvent } from "../../../../../lab/workload/events.js";

/** The old region acknowledged its writers last at 40 s; the new one is claimed at 43 s, and opens at 64 s. */
const MOVES = [
  {
    from: "home",
    to: "recovery",
    epoch: 2,
    claimedAt: 43_000,
    fencedAt: 40_000,
    promotedAt: 64_000,
    lagSeconds: 10,
  },
] as const;
const observed = { regionOf: () => undefined, moves: MOVES } as unknown as RegionObservations;
const post = (sent: number, done: number) => ({ sent, done }) as RequestEvent;
const outside = (...lost: RequestEvent[]) =>
  itemMeasures(observed, lost, { lostRows: "within-lag" })[0]?.value;

describe("an item that is lost", () => {
  test.each<[string, RequestEvent]>([
    ["confirmed within the lag", post(35_000, 35_100)],
    ["sent by then and confirmed later", post(39_900, 44_000)],
    [
      "confirmed after the writers' last acknowledgement, before the other region was claimed",
      post(40_050, 40_100),
    ],
  ])("%s is explained", (_, request) => expect(outside(request)).toBe(0));

  test.each<[string, RequestEvent]>([
    ["confirmed before the lag began", post(29_000, 29_900)],
    ["sent later and confirmed when the other region may have opened", post(63_000, 65_000)],
    ["of the new region", post(70_000, 70_100)],
  ])("%s is not", (_, request) => expect(outside(request)).toBe(1));
});
