/** The region lease: until when it may be served, and whether Patroni may run; each condition by itself. */
import { describe, expect, test } from "vitest";
import { NO_STATUS, type OwnData, type RegionState } from "../../../../nodes/guard/region/region-facts.js";
import {
  patroniMayRun,
  permit,
  refusal,
  replicaUntil,
  standbyLeaderMayServe,
} from "../../../../nodes/guard/region/region-lease.js";
import { CONFIG, knownOf, NOW, PRIMARY, RULES, type Situation, standby } from "./situation.js";

const SERVES: Situation = {
  reading: { own: 2, peer: 1, mine: { ...NO_STATUS, opened: 2 } },
  log: { mark: { epoch: 2, timeline: 4 } },
  state: { publishedNotBefore: NOW - 2_000 },
};
const END = NOW - 100 + RULES.leaseMillis;
const permitted = (more: Situation = {}) => permit(CONFIG, knownOf(SERVES, more).state, NOW);

describe("writes", () => {
  test("may be served for one lease from the start of the reading", () => {
    expect(permitted()).toBe(END);
    expect(permitted({ reading: { ...SERVES.reading, startedAt: NOW - 14_999 } })).toBe(NOW + 1);
    expect(permitted({ reading: { ...SERVES.reading, startedAt: NOW - 15_000 } })).toBe(0);
  });

  test("and for two from the last publication", () => {
    expect(permitted({ state: { publishedNotBefore: NOW - 20_000 } })).toBe(NOW + 10_000);
    expect(permitted({ state: { publishedNotBefore: NOW - 30_000 } })).toBe(0);
    expect(permitted({ state: { publishedNotBefore: Number.NEGATIVE_INFINITY } })).toBe(0);
  });

  const not: Record<string, Situation> = {
    "beside a claim as high": { reading: { ...SERVES.reading, peer: 2 } },
    "beside a higher claim": { reading: { ...SERVES.reading, peer: 3 } },
    "before the epoch is opened": { reading: { ...SERVES.reading, mine: { ...NO_STATUS, opened: 1 } } },
    "after another epoch was opened": { reading: { ...SERVES.reading, mine: { ...NO_STATUS, opened: 3 } } },
    "in a standby region": { role: standby("region") },
    "where nothing says what the region is": { view: { role: undefined } },
    "by what PostgreSQL said before the term": { log: { ...SERVES.log, startedAt: NOW - 5_001 } },
    "on a replica": { log: { ...SERVES.log, isPrimary: false } },
    "under an earlier epoch's mark": { log: { mark: { epoch: 1, timeline: 4 } } },
    "under another leader's mark": { log: { mark: { epoch: 2, timeline: 3 } } },
    "without a term": { state: { term: undefined } },
    "without a reading": { state: { reading: undefined } },
    "without a view": { state: { view: undefined } },
    "without a word of PostgreSQL's": { state: { log: undefined } },
  };
  test.each(Object.entries(not))("not %s", (_name, more) => {
    expect(permitted(more)).toBe(0);
  });
  test("by what PostgreSQL said as the term began", () => {
    expect(permitted({ log: { ...SERVES.log, startedAt: NOW - 5_000 } })).toBe(END);
  });
});

describe("the reason why not", () => {
  const reason = (more: Situation) => refusal(knownOf(SERVES, more).state);
  test.each([
    [{ state: { reading: undefined } }, "this node has not read the claims yet"],
    [{ reading: { own: 2, peer: 3 } }, "the other region's epoch 3 is above this region's epoch 2"],
    [{ reading: { own: 2, peer: 2 } }, "the other region's epoch 2 is above this region's epoch 2"],
    [{ role: standby("region") }, "this region is a standby"],
    [{ state: { view: undefined } }, "this region is a standby"],
    [{ view: { term: undefined } }, "this node is not the leader"],
    [{}, "the region lease has run out"],
  ] as [Situation, string][])("%j", (more, expected) => {
    expect(reason(more)).toBe(expected);
  });
});

describe("a replica's port", () => {
  const until = (more: Situation) => replicaUntil(CONFIG, knownOf(SERVES, more).state);
  test.each([
    ["is bound by the reading in an active region", {}, END],
    ["is not bound in a standby region", { role: standby("region") }, Number.POSITIVE_INFINITY],
    ["stays shut before the claims are read", { state: { reading: undefined } }, 0],
    ["stays shut beside a claim as high", { reading: { ...SERVES.reading, peer: 2 } }, 0],
    [
      "stays shut before the epoch is opened",
      { reading: { ...SERVES.reading, mine: { ...NO_STATUS, opened: 1 } } },
      0,
    ],
    ["is bound where nothing is known of the region's role", { state: { view: undefined } }, END],
  ] as [string, Situation, number][])("%s", (_name, more, expected) => {
    expect(until(more)).toBe(expected);
  });
});

describe("a standby leader's port", () => {
  const opened = (epoch: number) => ({ ...NO_STATUS, opened: epoch });
  test.each([
    ["serves beside a higher claim", { reading: { own: 1, peer: 2 }, view: { epoch: 2 } }, true],
    [
      "not before a claim is noted that ended a promotion",
      { reading: { own: 1, peer: 2 }, view: { epoch: 1 } },
      false,
    ],
    ["not during a promotion", { reading: { own: 3, peer: 2, mine: opened(1) }, view: { epoch: 3 } }, false],
    ["serves after it", { reading: { own: 3, peer: 2, mine: opened(3) }, view: { epoch: 3 } }, true],
    [
      "not before this region's claim is noted",
      { reading: { own: 3, peer: 2, mine: opened(3) }, view: { epoch: 2 } },
      false,
    ],
    ["not before the claims are read", { state: { reading: undefined } }, false],
    ["not before etcd is read", { state: { view: undefined } }, false],
  ] as [string, Situation, boolean][])("%s", (_name, more, expected) => {
    expect(standbyLeaderMayServe(knownOf(more).state)).toBe(expected);
  });
});

describe("Patroni", () => {
  const slot = { name: "dr_diverged_e1_t4_5", epoch: 1, timeline: 4, database: 5 };
  const empty: OwnData = { slots: [], records: [], patroniRuns: false };
  const runs = (more: Situation, config = CONFIG) =>
    patroniMayRun(config, knownOf({ state: { data: empty } }, more).state);
  const read = (own: number, peer: number, theirs = 0, mine = 0): Situation => ({
    reading: { own, peer, mine: { ...NO_STATUS, opened: mine }, theirs: { ...NO_STATUS, opened: theirs } },
  });

  test.each([
    ["as a leader where this region's claim is greater", read(2, 1, 1), true],
    ["as a leader where both claims are as high", read(1, 1, 1), true],
    ["not as a leader where the other region has opened", read(1, 2, 2), false],
    ["as a leader where the other region waits for this one", read(1, 2, 1), true],
    ["not before the claims were read", { state: { data: empty, reading: undefined } }, false],
    ["not before etcd was read", { state: { data: empty, view: undefined } }, false],
    ["not before the volume was read", { state: { data: undefined } }, false],
    [
      "in a standby region before the claims were read",
      { role: standby("region"), state: { data: empty, reading: undefined } },
      true,
    ],
    [
      "not before what only this node has is saved",
      {
        ...read(1, 2, 2, 1),
        role: standby("region"),
        state: { data: { ...empty, slots: [slot], isStandby: false } },
      },
      false,
    ],
  ] as [string, Situation, boolean][])("may run %s", (_name, more, expected) => {
    expect(runs(more)).toBe(expected);
  });

  const none: Situation = { view: { role: undefined } };
  test("begins a cluster only where nothing has ever been served, or as a standby", () => {
    expect(runs({ ...read(1, 0), ...none })).toBe(true);
    expect(runs({ ...read(1, 0, 0, 1), ...none })).toBe(false);
    expect(runs({ ...read(0, 1, 1), ...none })).toBe(false);
    const standbys = { ...CONFIG, startsAsStandby: true };
    expect(runs({ ...read(0, 1, 1), ...none }, standbys)).toBe(true);
    const unread: Partial<RegionState> = { data: empty, reading: undefined };
    expect(runs({ ...none, state: unread })).toBe(false);
    expect(runs({ ...none, state: unread }, standbys)).toBe(true);
  });
});

test("the situation that serves is one of a primary", () => {
  expect(knownOf(SERVES).role).toBe(PRIMARY);
});
