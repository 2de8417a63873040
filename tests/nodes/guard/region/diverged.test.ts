import { describe, expect, test } from "vitest";
import {
  mayBeRewound,
  SAVE_FIRST_MILLIS,
  type SlotFacts,
  SPARE_SLOTS,
  slotName,
  slotOf,
  slotSteps,
  slotsAreLeftOver,
  unsavedEpoch,
} from "../../../../nodes/guard/region/diverged.js";
import type { RegionConfig } from "../../../../nodes/guard/region/known.js";
import { decideRegion } from "../../../../nodes/guard/region/region-decision.js";
import {
  initialRegionState,
  type LogEnd,
  NO_OVERRIDES,
  NO_STATUS,
  type OwnData,
  type Reading,
  type RegionState,
  type RegionView,
  type Release,
  type Role,
} from "../../../../nodes/guard/region/region-facts.js";
import { patroniMayRun } from "../../../../nodes/guard/region/region-lease.js";

const NOW = 100_000;
const config: RegionConfig = {
  node: "n1",
  address: "10.0.0.1",
  rules: { leaseMillis: 15_000, marginMillis: 5000, readMillis: 2000, lagBudgetMillis: 60_000 },
  startsAsStandby: false,
};
const reading: Reading = {
  startedAt: NOW,
  endedAt: NOW,
  own: 1,
  peer: 2,
  mine: { ...NO_STATUS, sequence: 9, opened: 1 },
  theirs: {
    ...NO_STATUS,
    sequence: 9,
    opened: 2,
    opening: { epoch: 2, reason: "its lease has run out", lagMillis: 900 },
  },
  overrides: NO_OVERRIDES,
};
const slot = { name: "dr_diverged_e1_t7_16384", epoch: 1, timeline: 7, database: 16384 };
const data: OwnData = { slots: [slot], isStandby: false, timeline: 7, records: [], patroniRuns: true };
const log: LogEnd = {
  startedAt: NOW,
  isPrimary: true,
  timeline: 7,
  mark: { epoch: 1, timeline: 7 },
  lsn: 500,
};
const view = (role: Role, term?: string): RegionView => ({
  ...{ startedAt: NOW, endedAt: NOW, role, configMod: "1", epoch: 2, epochMod: "1", term },
});
const returned: RegionState = {
  ...initialRegionState(),
  reading,
  data,
  log,
  view: view({ kind: "primary" }, "5"),
  peerOpenSeen: { epoch: 2, at: NOW },
};
const release: Release = {
  epoch: 2,
  opened: 1,
  mark: log.mark,
  acknowledged: 400,
  lsn: 500,
  address: "10.0.0.1",
};
const handedOver: RegionState = {
  ...returned,
  reading: {
    ...reading,
    mine: { ...reading.mine, released: release },
    theirs: { ...reading.theirs, opening: { epoch: 2, reason: "has released", lagMillis: 0 } },
  },
};
const withData = (news: Partial<OwnData>): RegionState => ({ ...returned, data: { ...data, ...news } });

describe("what a node must save", () => {
  test("is what its slots keep of an epoch after which the other region has opened", () => {
    expect(unsavedEpoch(returned)).toBe(1);
  });

  test("without a slot, what it served last, if it stopped as a primary", () => {
    expect(unsavedEpoch(withData({ slots: [] }))).toBe(1);
    expect(unsavedEpoch(withData({ slots: [], isStandby: true }))).toBeUndefined();
    expect(unsavedEpoch(withData({ slots: [], isStandby: undefined }))).toBeUndefined();
  });

  test("also of a demoted leader that waits, and is overruled", () => {
    expect(unsavedEpoch(withData({ isStandby: true }))).toBe(1);
  });

  test("nothing once it has followed a later leader of its region", () => {
    expect(unsavedEpoch(withData({ isStandby: true, timeline: 8 }))).toBeUndefined();
  });

  test("nothing after a planned move", () => {
    expect(unsavedEpoch(handedOver)).toBeUndefined();
  });

  test("but after one in which the other region did without what was released", () => {
    const { mine } = handedOver.reading as Reading;
    expect(unsavedEpoch({ ...handedOver, reading: { ...reading, mine } })).toBe(1);
  });

  test("nothing while the other region has not opened", () => {
    const theirs = { ...reading.theirs, opened: 0 };
    expect(unsavedEpoch({ ...returned, reading: { ...reading, theirs } })).toBeUndefined();
  });

  test.each([
    ["active", { own: 3, mine: { ...reading.mine, opened: 3 } }, log],
    ["to become active, with all that there is", { own: 3 }, { ...log, mark: { epoch: 2, timeline: 8 } }],
    ["to become active at any price", { own: 3, overrides: { fenced: 0, acceptDataLoss: 3 } }, log],
    ["to become active, and its log is not known yet", { own: 3 }, undefined],
  ])("nothing where this region is %s", (_, news, end) => {
    expect(unsavedEpoch({ ...returned, reading: { ...reading, ...news }, log: end })).toBeUndefined();
  });

  test("where this region is to become active and lacks what the other served: it must fetch that first", () => {
    expect(unsavedEpoch({ ...returned, reading: { ...reading, own: 3 } })).toBe(1);
  });

  test.each(["saved", "kept-copy", "nothing", "given-up"] as const)("nothing once it is %s", (state) => {
    expect(unsavedEpoch(withData({ records: [{ epoch: 1, state }] }))).toBeUndefined();
  });

  test.each(["saving", "failed"] as const)("it still is while a record says %s", (state) => {
    expect(unsavedEpoch(withData({ records: [{ epoch: 1, state }] }))).toBe(1);
  });
});

describe("Patroni", () => {
  const standby = view({ kind: "standby", source: { kind: "region" } });

  test("may not run before that is saved, though the region is marked already", () => {
    const marked = { ...returned, view: standby };
    expect(patroniMayRun(config, marked)).toBe(false);
    expect(
      patroniMayRun(config, { ...marked, data: { ...data, records: [{ epoch: 1, state: "saved" }] } }),
    ).toBe(true);
  });

  test("nor before the volume was looked at; nor, with something suspicious on it, before the claims were read", () => {
    expect(patroniMayRun(config, { ...returned, view: standby, data: undefined })).toBe(false);
    expect(mayBeRewound({ ...returned, reading: undefined })).toBe(false);
    expect(mayBeRewound({ ...withData({ slots: [], isStandby: true }), reading: undefined })).toBe(true);
    expect(mayBeRewound({ ...withData({ slots: [], isStandby: undefined }), reading: undefined })).toBe(true);
  });
});

describe("the region is marked as standby", () => {
  const changes = (state: RegionState, now: number) =>
    decideRegion(config, { ...state, readAskedAt: now }, { kind: "tick" }, now).actions.filter(
      ({ kind }) => kind === "change-role",
    );
  const soon = NOW + 200;
  const late = NOW + SAVE_FIRST_MILLIS;

  test("by the node that must save as soon as its Patroni is stopped, and not before", () => {
    expect(changes(returned, soon)).toEqual([]);
    expect(changes(returned, late)).toEqual([]);
    expect(changes(withData({ patroniRuns: false }), soon)).toHaveLength(1);
  });

  test("by others after a while", () => {
    const other = withData({ slots: [], isStandby: true });
    expect(changes(other, soon)).toEqual([]);
    expect(changes(other, NOW + 9_999)).toEqual([]);
    expect(changes(other, late)).toHaveLength(1);
  });

  test("at once where nothing was ever served, and where all was handed over", () => {
    const never = { ...reading, mine: { ...reading.mine, opened: 0 } };
    expect(changes({ ...withData({ slots: [] }), reading: never }, soon)).toHaveLength(1);
    const waiting = view({ kind: "standby", source: { kind: "nobody" } }, "5");
    const demoted = { ...handedOver, view: waiting, log: { ...log, isPrimary: false } };
    expect(changes(demoted, soon)).toHaveLength(1);
    expect(changes({ ...demoted, reading }, soon)).toEqual([]);
  });
});

describe("slots that are left over", () => {
  const standby = { ...log, isPrimary: false };

  test("are those of a standby that has nothing to save", () => {
    expect(slotsAreLeftOver({ ...handedOver, log: standby })).toBe(true);
    expect(slotsAreLeftOver({ ...handedOver, log })).toBe(false);
    expect(slotsAreLeftOver({ ...returned, log: standby })).toBe(false);
  });

  test("not those of a demoted leader before the other region has opened", () => {
    const theirs = { ...reading.theirs, opened: 0 };
    expect(slotsAreLeftOver({ ...returned, log: standby, reading: { ...reading, theirs } })).toBe(false);
  });

  test("those of a former leader of the active region", () => {
    const active = { ...reading, own: 3, mine: { ...reading.mine, opened: 3 } };
    expect(slotsAreLeftOver({ ...returned, log: standby, reading: active })).toBe(true);
  });
});

describe("an active leader's slots", () => {
  const term = { epoch: 3, timeline: 9 };
  const own = (database: number, timeline = 9) => slotName({ epoch: 3, timeline, database });
  const facts: SlotFacts = {
    confirmed: 700,
    slots: [{ name: own(5), confirmed: 500, isLost: false }],
    databases: [{ oid: 5, name: "app" }],
    room: 50,
  };

  test("carry epoch, timeline and database in their names", () => {
    expect(slotOf(own(5))).toEqual({ name: "dr_diverged_e3_t9_5", epoch: 3, timeline: 9, database: 5 });
    expect(slotOf("standby_drs_eu_central_1")).toBeUndefined();
  });

  test("follow what the other region has confirmed, and never pass it", () => {
    expect(slotSteps(facts, term)).toEqual({
      steps: [{ kind: "advance", slot: own(5), database: "app", to: 700 }],
      uncovered: [],
    });
    expect(slotSteps({ ...facts, confirmed: 400 }, term).steps).toEqual([]);
    expect(slotSteps({ ...facts, confirmed: undefined }, term).steps).toEqual([]);
  });

  test("are made for a new database", () => {
    const databases = [...facts.databases, { oid: 6, name: "more" }];
    expect(slotSteps({ ...facts, confirmed: 500, databases }, term).steps).toEqual([
      { kind: "create", slot: own(6), database: "more" },
    ]);
  });

  test("are recreated on a new timeline, and when they were lost", () => {
    for (const stale of [
      { name: own(5, 8), confirmed: 500, isLost: false },
      { name: own(5), confirmed: 500, isLost: true },
    ])
      expect(slotSteps({ ...facts, slots: [stale] }, term).steps).toEqual([
        { kind: "drop", slot: stale.name },
        { kind: "create", slot: own(5), database: "app" },
      ]);
  });

  test("are not made while the other region has no slot, nor at the cost of those that replicas need", () => {
    for (const news of [{ confirmed: undefined }, { room: SPARE_SLOTS }])
      expect(slotSteps({ ...facts, slots: [], ...news }, term)).toEqual({ steps: [], uncovered: ["app"] });
  });
});
