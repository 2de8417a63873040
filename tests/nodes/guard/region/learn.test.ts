/** What each event adds to what a region's guard knows, and what it doesn't touch. */
import { describe, expect, test } from "vitest";
import { changed, learn } from "../../../../nodes/guard/region/learn.js";
import {
  initialRegionState,
  NO_STATUS,
  type Position,
  type Reading,
  type RegionEvent,
  type RegionState,
} from "../../../../nodes/guard/region/region-facts.js";
import { CONFIG, log, NOW, reading, standby, view } from "./situation.js";

const state = (more: Partial<RegionState> = {}): RegionState => ({ ...initialRegionState(), ...more });
const knows = (before: Partial<RegionState>, event: RegionEvent) => learn(CONFIG, state(before), event);
const reads = (before: Partial<RegionState>, more: Partial<Reading>) =>
  knows(before, { kind: "reading", reading: reading(more) });

describe("a reading of the claims", () => {
  const before = reading({ startedAt: NOW - 2_100, own: 1, mine: { ...NO_STATUS, sequence: 4 } });

  test("replaces the one before, unless it began earlier", () => {
    expect(reads({ reading: before }, { own: 2 }).reading?.own).toBe(2);
    expect(reads({ reading: before }, { own: 2, startedAt: NOW - 2_100 }).reading?.own).toBe(2);
    expect(reads({ reading: before }, { own: 2, startedAt: NOW - 2_101 }).reading?.own).toBe(1);
  });

  test("does not undo what this node has written since", () => {
    const mine = (sequence: number) =>
      reads({ reading: before }, { mine: { ...NO_STATUS, sequence, opened: 9 } }).reading?.mine;
    expect(mine(3)).toEqual(before.mine);
    expect(mine(4)?.opened).toBe(9);
    expect(mine(5)?.opened).toBe(9);
  });

  test("dates a publication by the reading before, which did not show it yet", () => {
    const own = (sequence: number) =>
      reads({ reading: before, publishedNotBefore: 7 }, { mine: { ...NO_STATUS, sequence } });
    expect(own(4).publishedNotBefore).toBe(7);
    expect(own(5).publishedNotBefore).toBe(NOW - 2_100);
    expect(reads({}, { mine: { ...NO_STATUS, sequence: 5 } }).publishedNotBefore).toBe(
      Number.NEGATIVE_INFINITY,
    );
    const peer = (sequence: number) =>
      reads({ reading: before, peerNotBefore: 7 }, { theirs: { ...NO_STATUS, sequence } });
    expect(peer(0).peerNotBefore).toBe(7);
    expect(peer(1).peerNotBefore).toBe(NOW - 2_100);
  });

  test("dates a claim, a release and an opening by when it first showed them", () => {
    const released = {
      epoch: 2,
      opened: 1,
      mark: { epoch: 1, timeline: 1 },
      acknowledged: 1,
      lsn: 1,
      address: "",
    };
    const seen = { epoch: 2, at: NOW - 50 };
    const earlier = { epoch: 2, at: 5 };
    const claim = { own: 2, peer: 1 };
    expect(reads({}, claim).claimSeen).toEqual(seen);
    expect(reads({ claimSeen: earlier }, claim).claimSeen).toEqual(earlier);
    expect(reads({ claimSeen: { epoch: 1, at: 5 } }, claim).claimSeen).toEqual(seen);
    expect(reads({}, { own: 2, peer: 2 }).claimSeen).toBeUndefined();
    expect(reads({ claimSeen: earlier }, { own: 2, peer: 3 }).claimSeen).toEqual(earlier);
    const theirs = { ...NO_STATUS, released };
    expect(reads({}, { ...claim, theirs }).releaseSeen).toEqual(seen);
    expect(reads({}, { own: 3, theirs }).releaseSeen).toBeUndefined();
    expect(reads({}, claim).releaseSeen).toBeUndefined();
    const opened = { ...NO_STATUS, opened: 3 };
    expect(reads({}, { own: 2, peer: 3, theirs: opened }).peerOpenSeen).toEqual({ epoch: 3, at: NOW - 50 });
    expect(reads({}, { own: 2, peer: 4, theirs: opened }).peerOpenSeen).toBeUndefined();
  });

  test("brings back this node's own proof, but none of another's, and none over a newer one", () => {
    const proof = { node: "n1", mark: { epoch: 1, timeline: 1 }, wallMillis: 5, lsn: 1 };
    const newer = { ...proof, wallMillis: 9 };
    expect(reads({}, { mine: { ...NO_STATUS, proof } }).proof).toEqual(proof);
    expect(reads({}, { mine: { ...NO_STATUS, proof: { ...proof, node: "n2" } } }).proof).toBeUndefined();
    expect(reads({ proof: newer }, { mine: { ...NO_STATUS, proof } }).proof).toEqual(newer);
    expect(reads({}, {}).proof).toBeUndefined();
  });
});

describe("a word of PostgreSQL's", () => {
  const mark = { epoch: 1, timeline: 4 };
  const position: Position = { wallMillis: 500, node: "far", mark, lsn: 900 };
  const says = (before: Partial<RegionState>, more: Parameters<typeof log>[0]) =>
    knows(before, { kind: "log", log: log({ isPrimary: false, ...more }) });

  test("replaces the one before, unless it is older", () => {
    const before = { log: log({ lsn: 5 }) };
    expect(says(before, { lsn: 6 }).log?.lsn).toBe(6);
    expect(says(before, { lsn: 6, startedAt: NOW - 101 }).log?.lsn).toBe(5);
  });

  test("proves what it has reached of the other region's positions", () => {
    const before = { peerPositions: [position, { ...position, wallMillis: 600, lsn: 1_001 }] };
    const next = says(before, { lsn: 1_000 });
    expect(next.proof).toEqual({ node: "n1", mark, wallMillis: 500, lsn: 900 });
    expect(next.peerPositions.map(({ wallMillis }) => wallMillis)).toEqual([600]);
    const proof = { node: "n1", mark, wallMillis: 1, lsn: 5 };
    expect(says({ ...before, proof }, { lsn: 1 })).toMatchObject({
      proof,
      peerPositions: before.peerPositions,
    });
  });

  test("proves nothing of another epoch's positions", () => {
    const other = { ...position, mark: { epoch: 2, timeline: 4 } };
    expect(says({ peerPositions: [other] }, { lsn: 1_000 }).proof).toBeUndefined();
  });

  test("a reading proves too, by what PostgreSQL said last", () => {
    const theirs = { ...NO_STATUS, sequence: 1, opened: 1, position };
    expect(reads({ log: log({ isPrimary: false }) }, { theirs }).proof?.wallMillis).toBe(500);
    expect(reads({}, { theirs }).peerPositions).toEqual([position]);
  });

  test("rests from when it had nothing more to replay, for as long as it stays there", () => {
    const replay = (isWaiting: boolean) => ({ isStreaming: false, usesArchive: true, isWaiting });
    const before = { log: log({ isPrimary: false }), restingSince: 5 };
    expect(says({}, { replay: replay(true) }).restingSince).toBe(NOW - 100);
    expect(says({ log: before.log }, { replay: replay(true) }).restingSince).toBe(NOW - 100);
    expect(says({}, { replay: replay(false) }).restingSince).toBeUndefined();
    expect(says({}, {}).restingSince).toBeUndefined();
    expect(says(before, { replay: replay(false) }).restingSince).toBe(5);
    expect(says(before, { replay: replay(false), lsn: 1_001 }).restingSince).toBeUndefined();
    expect(says(before, { replay: replay(true), lsn: 1_001 }).restingSince).toBe(NOW - 100);
    expect(says(before, { isPrimary: true }).restingSince).toBeUndefined();
  });
});

describe("a view of etcd", () => {
  const sees = (before: Partial<RegionState>, more: Parameters<typeof view>[0]) =>
    knows(before, { kind: "view", view: view(more) });

  test("dates a term, a standby and a bare name by when it first showed them", () => {
    expect(sees({}, {}).term).toEqual({ term: "5", since: NOW - 100 });
    expect(sees({ term: { term: "5", since: 7 } }, {}).term).toEqual({ term: "5", since: 7 });
    expect(sees({ term: { term: "4", since: 7 } }, {}).term).toEqual({ term: "5", since: NOW - 100 });
    expect(sees({ term: { term: "5", since: 7 } }, { term: undefined }).term).toBeUndefined();
    expect(sees({}, { role: standby("region") }).standbySince).toBe(NOW - 100);
    expect(sees({ standbySince: 7 }, { role: standby("region") }).standbySince).toBe(7);
    expect(sees({ standbySince: 7 }, {}).standbySince).toBeUndefined();
    expect(sees({ standbySince: 7 }, { role: undefined }).standbySince).toBeUndefined();
    expect(sees({}, { nameOnlyMod: "3" }).nameOnlySince).toBe(NOW - 100);
    expect(sees({ nameOnlySince: 7 }, { nameOnlyMod: "3" }).nameOnlySince).toBe(7);
    expect(sees({ nameOnlySince: 7 }, {}).nameOnlySince).toBeUndefined();
    expect(sees({}, { epoch: 8 }).view?.epoch).toBe(8);
  });
});

test("what the volume says is kept as it is", () => {
  const data = { slots: [], records: [], patroniRuns: true };
  expect(knows({}, { kind: "data", data }).data).toBe(data);
});

test("a port counts as shut from when it was first", () => {
  expect(knows({}, { kind: "closed", at: 5 }).closedAt).toBe(5);
  expect(knows({ closedAt: 4 }, { kind: "closed", at: 5 }).closedAt).toBe(4);
});

test("a status that was written counts, unless a newer one is known", () => {
  const written = (
    sequence: number,
    before: Partial<RegionState> = { reading: reading({ mine: { ...NO_STATUS, sequence: 4 } }) },
  ) => knows(before, { kind: "status-written", status: { ...NO_STATUS, sequence, opened: 9 }, startedAt: 5 });
  expect(written(5)).toMatchObject({ publishedNotBefore: 5, reading: { mine: { sequence: 5, opened: 9 } } });
  expect(written(4).publishedNotBefore).toBe(Number.NEGATIVE_INFINITY);
  expect(written(3).reading?.mine.opened).toBe(0);
  expect(written(5, {}).reading).toBeUndefined();
});

test("a turn that came late says so until the next", () => {
  expect(knows({}, { kind: "tick", heldUpUntil: 5 }).heldUpUntil).toBe(5);
  expect(knows({ heldUpUntil: 5 }, { kind: "tick" }).heldUpUntil).toBe(5);
});

test("nothing new leaves the very same state", () => {
  const before = state({ heldUpUntil: 5 });
  expect(changed(before, { heldUpUntil: 5 })).toBe(before);
  expect(changed(before, { heldUpUntil: 6, wroteAt: 1 })).toEqual({ ...before, heldUpUntil: 6, wroteAt: 1 });
  expect(changed(before, { heldUpUntil: 5, wroteAt: 1 })).toEqual({ ...before, wroteAt: 1 });
});
