/** What comes before leading and yielding: how often the claims are read, and what is not acted on. */
import { describe, expect, test } from "vitest";
import { decideRegion, explain, HELD_UP_MILLIS } from "../../../../nodes/guard/region/region-decision.js";
import { NO_STATUS, type RegionEvent } from "../../../../nodes/guard/region/region-facts.js";
import { CONFIG, knownOf, NOW, RULES, type Situation, standby } from "./situation.js";

const TICK: RegionEvent = { kind: "tick" };
const SERVES: Situation = {
  reading: { own: 2, peer: 1, mine: { ...NO_STATUS, sequence: 3, opened: 2 } },
  log: { mark: { epoch: 2, timeline: 4 } },
  state: {
    publishedNotBefore: NOW - 2_000,
    readAskedAt: NOW,
    wroteAt: NOW,
    permitUntil: NOW + 14_000,
    peerNotBefore: NOW,
  },
};
const step = (more: Situation = {}, event: RegionEvent = TICK, base = SERVES) =>
  decideRegion(CONFIG, knownOf(base, more).state, event, NOW);
const kinds = (...args: Parameters<typeof step>) => step(...args).actions.map(({ kind }) => kind);

describe("the lease", () => {
  test("is renewed without a word", () => {
    const { state, actions } = step();
    expect(actions).toEqual([]);
    expect(state.permitUntil).toBe(NOW - 100 + RULES.leaseMillis);
  });
  test("that is lost closes the port, once", () => {
    const lost = { reading: { ...SERVES.reading, peer: 3 } };
    const { state, actions } = step({ ...lost, state: { ...SERVES.state, readAskedAt: NOW } });
    expect(actions[0]).toEqual({
      kind: "close",
      reason: "the other region's epoch 3 is above this region's epoch 2",
    });
    expect(state.permitUntil).toBe(0);
    expect(kinds({ view: { role: undefined }, state: { permitUntil: 0 } })).toEqual([]);
    expect(kinds({ view: { role: undefined }, state: { permitUntil: NOW } })).toEqual([]);
    expect(kinds({ view: { role: undefined }, state: { permitUntil: NOW + 1 } })).toEqual(["close"]);
  });
  test("opens the port again: what was shut counts no longer", () => {
    expect(step({ state: { closedAt: NOW - 50 } }).state.closedAt).toBeUndefined();
    expect(step({ view: { role: undefined }, state: { closedAt: NOW - 50 } }).state.closedAt).toBe(NOW - 50);
  });
});

describe("the claims are read", () => {
  const since = (millis: number, more: Situation, base = SERVES) =>
    kinds({ ...more, state: { ...more.state, readAskedAt: NOW - millis } }, TICK, base).includes(
      "read-claims",
    );
  const standing: Situation = {
    reading: { own: 1, peer: 2, theirs: { ...NO_STATUS, opened: 2 } },
    role: standby("region"),
    log: { isPrimary: false },
    state: { peerNotBefore: NOW, wroteAt: NOW },
  };
  const claimed = { reading: { own: 2, peer: 1, mine: { ...NO_STATUS, opened: 1 } } };
  const demoted = { of: 1, epoch: 2, node: "n1", term: "1" };
  const cases: [string, number, Situation, Situation][] = [
    ["at the usual pace by an active region", 2_000, {}, SERVES],
    ["at the usual pace by a standby region", 2_000, {}, standing],
    ["soon by a leader with a claim to follow", 200, claimed, SERVES],
    ["less soon by others", 1_000, { ...claimed, view: { term: undefined } }, SERVES],
    [
      "soon by a demoted leader",
      200,
      {
        reading: { ...claimed.reading, mine: { ...NO_STATUS, opened: 1, demoted } },
        view: { term: undefined },
      },
      SERVES,
    ],
    [
      "less soon where another was",
      1_000,
      {
        reading: {
          ...claimed.reading,
          mine: { ...NO_STATUS, opened: 1, demoted: { ...demoted, node: "n2" } },
        },
        view: { term: undefined },
      },
      SERVES,
    ],
    [
      "soon where the other region has not opened",
      200,
      { reading: { own: 1, peer: 2, theirs: NO_STATUS } },
      standing,
    ],
    ["at the usual pace where no region claims", 2_000, { reading: { own: 0, peer: 0 } }, standing],
    [
      "soon once the other region is silent for three readings",
      200,
      { state: { peerNotBefore: NOW - 6_001, wroteAt: NOW } },
      standing,
    ],
    ["not before", 2_000, { state: { peerNotBefore: NOW - 6_000, wroteAt: NOW } }, standing],
    [
      "at the usual pace by an active region beside a silent one",
      2_000,
      { state: { peerNotBefore: 0, publishedNotBefore: NOW - 2_000, wroteAt: NOW } },
      SERVES,
    ],
    [
      "soon by a follower of the first claim",
      200,
      { reading: { own: 0, peer: 1, theirs: NO_STATUS } },
      standing,
    ],
    [
      "soon beside a claim as high that is not open",
      200,
      { reading: { ...SERVES.reading, peer: 2 } },
      SERVES,
    ],
    [
      "at the usual pace beside a silent region whose claim is as high",
      2_000,
      {
        reading: { own: 2, peer: 2, theirs: { ...NO_STATUS, opened: 2 } },
        state: { peerNotBefore: 0, wroteAt: NOW },
      },
      standing,
    ],
    ["soon before the first answer", 200, { state: { reading: undefined } }, SERVES],
  ];
  test.each(cases)("%s: every %i ms", (_name, pace, more, base) => {
    expect(since(pace - 1, more, base)).toBe(false);
    expect(since(pace, more, base)).toBe(true);
  });
  test("and it is noted when they are, and when the status is written", () => {
    const { state } = step({ state: { readAskedAt: NOW - 2_000, wroteAt: NOW - 2_000 } });
    expect(state).toMatchObject({ readAskedAt: NOW, wroteAt: NOW });
    const read = step({ state: { readAskedAt: NOW - 2_000, wroteAt: NOW - 6 } }).state;
    expect(read).toMatchObject({ readAskedAt: NOW, wroteAt: NOW - 6 });
    expect(step({ state: { readAskedAt: NOW - 5, wroteAt: NOW - 6 } }).state).toMatchObject({
      readAskedAt: NOW - 5,
      wroteAt: NOW - 6,
    });
  });
});

describe("what may be old or wrong is not acted on", () => {
  const writes = { ...SERVES, state: { ...SERVES.state, wroteAt: 0 } };
  const acts = (more: Situation) => kinds({ ...more, state: { wroteAt: 0, ...more.state } });
  test("but what is new is", () => {
    expect(kinds({}, TICK, writes)).toEqual(["write-status"]);
  });
  test.each([
    [
      "a reading as old as the lease",
      { reading: { ...SERVES.reading, startedAt: NOW - 15_000 }, state: { permitUntil: 0 } },
      [],
    ],
    ["a reading from before it was held up", { state: { heldUpUntil: NOW - 99 } }, []],
    ["no reading", { state: { reading: undefined, permitUntil: 0 } }, []],
    ["no view", { state: { view: undefined, permitUntil: 0 } }, []],
    ["a claim that somebody else has seen", { view: { epoch: 3 } }, []],
    ["a region of no role", { view: { role: undefined }, state: { permitUntil: 0 } }, []],
    ["a reading from when it was held up", { state: { heldUpUntil: NOW - 100 } }, ["write-status"]],
  ] as [string, Situation, string[]][])("%s", (_name, more, expected) => {
    expect(acts(more)).toEqual(expected);
  });
  test("a claim that this region has not noted is noted first", () => {
    const { actions } = step({ view: { epoch: 1, epochMod: "6" }, state: { wroteAt: 0 } });
    expect(actions).toEqual([{ kind: "raise-epoch", epoch: 2, expectMod: "6" }]);
    const peers = {
      reading: { ...SERVES.reading, own: 2, peer: 5 },
      view: { epoch: 4 },
      state: { permitUntil: 0 },
    };
    expect(step(peers).actions).toEqual([{ kind: "raise-epoch", epoch: 5, expectMod: "1" }]);
  });
  test("nothing is done where no region claims", () => {
    const unclaimed = { own: 0, peer: 0, mine: NO_STATUS };
    expect(kinds({ reading: unclaimed, view: { epoch: 0 }, state: { permitUntil: 0, wroteAt: 0 } })).toEqual(
      [],
    );
  });
  test("nor by the answer to its own write", () => {
    const event: RegionEvent = {
      kind: "status-written",
      status: { ...NO_STATUS, sequence: 4, opened: 2 },
      startedAt: NOW - 5,
    };
    expect(kinds({ state: { wroteAt: 0 } }, event)).toEqual([]);
  });
  test("a turn is late after 1.5 s, as the protocol says", () => {
    expect(HELD_UP_MILLIS).toBe(1_500);
    expect(kinds({ state: { heldUpUntil: NOW, wroteAt: 0 } })).toEqual([]);
  });
  test("who is not greatest yields", () => {
    expect(kinds({ reading: { ...SERVES.reading, peer: 2 }, state: { permitUntil: 0, wroteAt: 0 } })).toEqual(
      ["close"],
    );
    expect(kinds({ reading: { own: 1, peer: 2, mine: NO_STATUS }, state: { permitUntil: 0 } })).toEqual([
      "close",
    ]);
  });
});

describe("what operators read", () => {
  const mark = { epoch: 1, timeline: 4 };
  const waits: Situation = {
    reading: {
      own: 2,
      peer: 1,
      theirs: { ...NO_STATUS, opened: 1, position: { wallMillis: 1_000, node: "far", mark, lsn: 1 } },
    },
    role: standby("region"),
    log: { isPrimary: false },
    state: { proof: { node: "n1", mark, wallMillis: 900, lsn: 1 }, peerNotBefore: NOW - 10.5 },
  };
  const told = (more: Situation = {}) => explain(CONFIG, knownOf(waits, more).state, NOW);
  test("is why the region waits, and its lag in whole milliseconds", () => {
    expect(told()).toEqual({ lagMillis: 111, waitsFor: "the other region may still be accepting writes" });
  });
  test.each([
    ["it does not wait", { reading: { ...waits.reading, mine: { ...NO_STATUS, opened: 2 } } }],
    ["it may open", { reading: { ...waits.reading, overrides: { fenced: 2, acceptDataLoss: 2 } } }],
    ["it has been allowed to", { view: { opening: { epoch: 2, reason: "" } } }],
  ] as [string, Situation][])("no reason where %s", (_name, more) => {
    expect(told(more).waitsFor).toBeUndefined();
  });
  test("a reason where an earlier epoch was allowed", () => {
    expect(told({ view: { opening: { epoch: 1, reason: "" } } }).waitsFor).toBeDefined();
  });
  test("a reason where the log has lost what was allowed", () => {
    const opening = (lsn: number) => ({ epoch: 2, reason: "", log: { mark, lsn } });
    expect(told({ view: { opening: opening(1_000) } }).waitsFor).toBeUndefined();
    expect(told({ view: { opening: opening(1_001) } }).waitsFor).toBeDefined();
  });
  test("no lag where that is not known", () => {
    expect(told({ state: { proof: undefined } }).lagMillis).toBeUndefined();
  });
  test.each(["reading", "view", "log"])("nothing without a %s", (part) => {
    expect(told({ state: { [part]: undefined } })).toEqual({ lagMillis: undefined, waitsFor: undefined });
  });
  test("nothing of a region without a role", () => {
    expect(told({ view: { role: undefined } })).toEqual({ lagMillis: undefined, waitsFor: undefined });
  });
});
