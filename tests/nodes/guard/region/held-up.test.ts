/** A guard that was paused between a reading and the actions that follow from it. */
import { beforeEach, expect, test } from "vitest";
import type { RegionConfig } from "../../../../nodes/guard/region/known.js";
import { type LeaderHalf, Region } from "../../../../nodes/guard/region/region.js";
import { decideRegion, HELD_UP_MILLIS } from "../../../../nodes/guard/region/region-decision.js";
import {
  initialRegionState,
  NO_OVERRIDES,
  NO_STATUS,
  type RegionEvent,
  type RegionState,
} from "../../../../nodes/guard/region/region-facts.js";
import { MACHINE_CLOCK, monotonic, sleep } from "../../../../nodes/guard/shared/clock.js";
import { REGION } from "../fakes/region.js";
import { RULES } from "./sim/regions.js";

const CONFIG: RegionConfig = { node: "a", address: "10.0.0.1", rules: RULES, startsAsStandby: false };
const MARK = { epoch: 2, timeline: 2 };
const RELEASE = { epoch: 3, opened: 2, mark: MARK, acknowledged: 100, lsn: 100, address: "10.1.0.1" };

let state: RegionState;
beforeEach(() => {
  state = initialRegionState();
});
function feed(at: number, event: RegionEvent): string[] {
  const step = decideRegion(CONFIG, state, event, at);
  state = step.state;
  return step.actions.map(({ kind }) => kind);
}
/** This region is claimed, and the other has released for it. */
const reading = (at: number, peer = 2): RegionEvent => ({
  kind: "reading",
  reading: {
    startedAt: at,
    endedAt: at,
    own: 3,
    peer,
    mine: { ...NO_STATUS, opened: 1 },
    theirs: { ...NO_STATUS, sequence: 1, opened: 2, released: RELEASE },
    overrides: NO_OVERRIDES,
  },
});
const view = (at: number, epoch = 3): RegionEvent => ({
  kind: "view",
  view: {
    startedAt: at,
    endedAt: at,
    role: { kind: "standby", source: { kind: "region" } },
    configMod: "1",
    epoch,
    epochMod: "1",
    term: "t",
  },
});
const log = (at: number): RegionEvent => ({
  kind: "log",
  log: { startedAt: at, isPrimary: false, mark: MARK, lsn: 100 },
});
function knowAll(at: number): void {
  feed(at, view(at));
  feed(at, reading(at));
}

test("promotes by what it read, as long as it got its turns", () => {
  knowAll(0);
  expect(feed(100, log(100))).toContain("change-role");
  feed(200, { kind: "tick" });
  expect(feed(300, log(300))).toContain("change-role");
});

test("first reads the claims again after it was held up, however young its lease", () => {
  knowAll(0);
  expect(feed(4_000, { kind: "tick", heldUpUntil: 4_000 })).toEqual(["read-claims"]);
  feed(4_010, view(4_010));
  expect(feed(4_020, log(4_020))).not.toContain("change-role");
  feed(4_030, reading(4_005));
  expect(feed(4_040, log(4_040))).toContain("change-role");
});

test("an answer that was under way meanwhile doesn't count", () => {
  knowAll(0);
  feed(4_000, { kind: "tick", heldUpUntil: 4_000 });
  feed(4_010, reading(100));
  feed(4_020, view(4_020));
  expect(feed(4_030, log(4_030))).not.toContain("change-role");
});

test("a newer claim that it finds then is obeyed", () => {
  knowAll(0);
  feed(4_000, { kind: "tick", heldUpUntil: 4_000 });
  feed(4_020, reading(4_005, 4));
  feed(4_030, view(4_030, 4));
  expect(feed(4_040, log(4_040))).not.toContain("change-role");
});

/** Nothing else of this process runs meanwhile, as when it is stopped. */
const standStill = (millis: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);

test("the shell notices by the first thing that it hears, before its own turn comes", async () => {
  const guard = {
    config: { node: "a", address: "10.0.0.1", namespace: "/dr/", scope: "home", region: REGION },
    allow: () => {},
    onView: () => {},
  };
  const table = { read: () => new Promise<never>(() => {}), writeStatus: async () => false };
  const postgres = { end: () => new Promise<never>(() => {}), mark: async () => {} };
  const region = new Region(guard as unknown as LeaderHalf, {
    clock: MACHINE_CLOCK,
    claims: table,
    postgres,
    log: () => {},
  });
  void region.run();
  try {
    await sleep(150);
    const before = monotonic();
    expect(region.state.heldUpUntil).toBeLessThan(before);
    standStill(HELD_UP_MILLIS + 100);
    region.learn({ kind: "data", data: { slots: [], records: [], patroniRuns: true } });
    expect(region.state.heldUpUntil).toBeGreaterThan(before + HELD_UP_MILLIS);
  } finally {
    region.stop();
  }
});
