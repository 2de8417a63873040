/** Diverged writes, at the edges: equal claims, unknown parts, the slots' numbers. */
import { describe, expect, test } from "vitest";
import {
  latestRecord,
  mayBeRewound,
  SPARE_SLOTS,
  slotName,
  slotSteps,
  slotsAreLeftOver,
  unsavedEpoch,
} from "../../../../nodes/guard/region/diverged.js";
import { NO_STATUS, type OwnData } from "../../../../nodes/guard/region/region-facts.js";
import { knownOf, type Situation } from "./situation.js";

const slot = (epoch: number, timeline = 7) => ({
  name: slotName({ epoch, timeline, database: 5 }),
  epoch,
  timeline,
  database: 5,
});
const data = (more: Partial<OwnData> = {}): OwnData => ({
  slots: [slot(1)],
  isStandby: false,
  timeline: 7,
  records: [],
  patroniRuns: true,
  ...more,
});
const opened = (epoch: number) => ({ ...NO_STATUS, opened: epoch });
/** Served epoch 1, after which the other region has opened 2 without it. */
const RETURNED: Situation = {
  reading: { own: 1, peer: 2, mine: opened(1), theirs: opened(2) },
  log: { mark: { epoch: 1, timeline: 7 } },
  state: { data: data() },
};
const stateOf = (more: Situation = {}) => knownOf(RETURNED, more).state;
const without = (part: "reading" | "data" | "log") => ({ ...stateOf(), [part]: undefined });
const unsaved = (more: Situation = {}) => unsavedEpoch(stateOf(more));
const bare = { state: { data: data({ slots: [] }) } };

describe("what a node must save", () => {
  test("is not known before the claims and the volume are", () => {
    expect(unsaved()).toBe(1);
    expect(unsavedEpoch(without("reading"))).toBeUndefined();
    expect(unsavedEpoch(without("data"))).toBeUndefined();
  });

  test("is what its slots keep on an older timeline too, unless it has followed a later leader", () => {
    const older = (isStandby: boolean | undefined) =>
      unsaved({ state: { data: { ...data({ timeline: 8 }), isStandby } } });
    expect([false, undefined, true].map(older)).toEqual([1, 1, undefined]);
  });

  test("is not overruled by a claim that is only as high", () => {
    const reading = { own: 2, peer: 2, mine: opened(2), theirs: opened(2) };
    expect(unsaved({ reading })).toBe(1);
  });

  test("is nothing of an epoch that the other region has opened itself", () => {
    expect(unsaved({ reading: { theirs: opened(1) } })).toBeUndefined();
  });

  test("is nothing of an epoch that was handed over, but all of another", () => {
    const opening = { epoch: 2, reason: "has released", lagMillis: 0 };
    const released = (epoch: number) => ({
      ...opened(1),
      released: {
        epoch: 2,
        opened: epoch,
        mark: { epoch, timeline: 7 },
        acknowledged: 1,
        lsn: 1,
        address: "a",
      },
    });
    const unsavedAfter = (epoch: number) =>
      unsaved({ reading: { mine: released(epoch), theirs: { ...opened(2), opening } } });
    expect(unsavedAfter(1)).toBeUndefined();
    expect(unsavedAfter(0)).toBe(1);
  });

  test("is not what was saved of another epoch", () => {
    const records = [{ epoch: 3, state: "saved" } as const];
    expect(unsaved({ state: { data: data({ records }) } })).toBe(1);
  });

  describe("without a slot", () => {
    test("is what it served last, where it stopped as a primary", () => {
      expect(unsaved(bare)).toBe(1);
      expect(unsaved({ state: { data: data({ slots: [], isStandby: true }) } })).toBeUndefined();
    });

    test("is that also where its region is to become active again, and must first fetch what the other served", () => {
      const reading = { own: 3, peer: 2, mine: opened(1), theirs: opened(2) };
      expect(unsaved({ reading })).toBe(1);
      expect(unsaved({ ...bare, reading })).toBe(1);
    });

    test("waits until the other region has opened its newest claim", () => {
      expect(unsaved({ ...bare, reading: { peer: 4 } })).toBeUndefined();
      expect(unsaved({ ...bare, reading: { peer: 4, theirs: opened(4) } })).toBe(1);
    });
  });
});

describe("before the claims were read, Patroni may rewind", () => {
  test.each([
    ["a standby without slots", { slots: [], isStandby: true }, true],
    ["an empty volume", { slots: [], isStandby: undefined }, true],
    ["no former primary", { slots: [], isStandby: false }, false],
    ["no standby whose slots keep something", { isStandby: true }, false],
    ["no volume whose slots keep something", { isStandby: undefined }, false],
  ] as const)("%s", (_name, volume, may) => {
    const state = { ...stateOf(), reading: undefined, data: { ...data(), ...volume } };
    expect(mayBeRewound(state)).toBe(may);
  });
});

describe("slots are left over", () => {
  const LEFT: Situation = {
    log: { isPrimary: false },
    state: { data: data({ isStandby: true, timeline: 8 }) },
  };
  const left = (more: Situation = {}) => slotsAreLeftOver(stateOf({ ...LEFT, ...more }));

  test("on a standby that has followed a later leader", () => {
    expect(left()).toBe(true);
    expect(left({ log: { isPrimary: true } })).toBe(false);
  });

  test("only where there are some", () => {
    expect(left({ state: { data: data({ slots: [], isStandby: true }) } })).toBe(false);
  });

  test.each(["reading", "data", "log"] as const)("not before %s is known", (part) => {
    expect(slotsAreLeftOver({ ...stateOf(LEFT), [part]: undefined })).toBe(false);
  });

  test("not while a greater claim of the other region waits for its opening", () => {
    expect(left({ reading: { peer: 4 } })).toBe(false);
    expect(left({ reading: { own: 4, peer: 4 } })).toBe(true);
    expect(left({ reading: { own: 5, peer: 4 } })).toBe(true);
  });
});

describe("the steps of the slots", () => {
  const term = { epoch: 1, timeline: 7 };
  const databases = [
    { oid: 5, name: "app" },
    { oid: 6, name: "more" },
  ];
  const name = (oid: number) => slotName({ ...term, database: oid });
  const facts = { confirmed: 500, slots: [], databases, room: 20 };
  const create = (oid: number, database: string) => ({ kind: "create", slot: name(oid), database });

  test("leave eight slots to others, and count each that they make", () => {
    expect(SPARE_SLOTS).toBe(8);
    expect(slotSteps({ ...facts, room: 10 }, term)).toEqual({
      steps: [create(5, "app"), create(6, "more")],
      uncovered: [],
    });
    expect(slotSteps({ ...facts, room: 9 }, term)).toEqual({
      steps: [create(5, "app")],
      uncovered: ["more"],
    });
    expect(slotSteps({ ...facts, room: 8 }, term)).toEqual({ steps: [], uncovered: ["app", "more"] });
  });

  test("count the room of what they drop", () => {
    const stale = { name: slotName({ ...term, timeline: 6, database: 5 }), confirmed: 1, isLost: false };
    expect(slotSteps({ ...facts, slots: [stale], room: 8 }, term)).toEqual({
      steps: [{ kind: "drop", slot: stale.name }, create(5, "app")],
      uncovered: ["more"],
    });
  });

  test("keep a slot of which PostgreSQL shows no position uncovered while the other region has none", () => {
    const found = { name: name(5), isLost: false };
    const [database] = databases as [(typeof databases)[0]];
    expect(slotSteps({ slots: [found], databases: [database], room: 20 }, term)).toEqual({
      steps: [],
      uncovered: ["app"],
    });
  });

  test("advance no slot without the other region's position", () => {
    const found = { name: name(5), confirmed: -1, isLost: false };
    expect(slotSteps({ slots: [found], databases: databases.slice(0, 1), room: 20 }, term).steps).toEqual([]);
  });
});

test("the newest record is the one of the greatest epoch, the later of equals", () => {
  const record = (epoch: number, node: string) => ({ epoch, node, state: "saved" }) as const;
  expect(latestRecord(undefined)).toBeUndefined();
  expect(latestRecord(data())).toBeUndefined();
  const records = [record(1, "a"), record(3, "b"), record(3, "c"), record(2, "d")];
  expect(latestRecord(data({ records }))).toEqual(record(3, "c"));
});
