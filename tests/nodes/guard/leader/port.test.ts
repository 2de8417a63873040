/** When the port opens and closes, for a leader and for a replica. */
import { describe, expect, test } from "vitest";
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import type { Action, Beat, Event, Local, State, View } from "../../../../nodes/guard/leader/leader-facts.js";
import { actions, beat, config, heartbeat, key, kinds, LEASE, local, NOW, state, view } from "./situation.js";

describe("the port", () => {
  const ports = (before: Partial<State>, event: Event, how = {}) =>
    actions(state(before), event, how).filter(({ kind }) =>
      ["open", "close", "confess", "renew"].includes(kind),
    );
  const open = (until: number, as: "leader" | "replica") => ({ kind: "open", until, as });
  const END = NOW - 60 + LEASE;

  test("is open for a lease from the start of the renewal that says so", () => {
    const renewed = (opens: boolean, more: Partial<View> = {}): Event => ({
      kind: "renewed",
      view: view(more),
      opens,
    });
    expect(ports({}, renewed(true))).toEqual([open(END, "leader")]);
    expect(ports({}, renewed(false))).toEqual([]);
    expect(ports({ handover: true }, renewed(true))).toEqual([]);
    expect(ports({}, renewed(true, { startedAt: NOW - LEASE }))).toEqual([]);
    expect(ports({}, renewed(true, { startedAt: NOW - LEASE + 1 }))).toEqual([open(NOW + 1, "leader")]);
    expect(decide(config(), state(), renewed(true), NOW).state).toMatchObject({
      openUntil: END,
      openAs: "leader",
    });
  });

  const lost = (more: Partial<View> = {}): Event => ({
    kind: "view",
    view: view({ leader: key("b"), ...more }),
  });
  test("closes before it confesses, when the leader key names another", () => {
    expect(ports({ openAs: "leader" }, lost())).toEqual([
      { kind: "close", reason: "the leader key names b" },
      { kind: "confess", heartbeatMod: "9", beat: beat({ state: "closed" }) },
    ]);
    expect(ports({}, lost())).toHaveLength(2);
    expect(ports({}, lost({ leader: undefined }))[0]).toEqual({
      kind: "close",
      reason: "no node holds the leader key",
    });
  });
  test.each([
    ["another's", { node: "b" } as Partial<Beat>],
    ["closed already", { state: "closed" } as Partial<Beat>],
  ])("has nothing to confess where the heartbeat is %s", (_name, more) => {
    expect(ports({ openAs: "leader" }, lost({ heartbeat: heartbeat(more) }))).toEqual([
      { kind: "close", reason: "the leader key names b" },
    ]);
    expect(ports({}, lost({ heartbeat: heartbeat(more) }))).toEqual([]);
    expect(ports({}, lost({ heartbeat: undefined }))).toEqual([]);
  });

  test("of a replica closes once it leads", () => {
    const view_: Event = { kind: "view", view: view() };
    const closed = [{ kind: "close", reason: "the leader key names this node" }];
    expect(ports({ openAs: "replica", openUntil: NOW + 1 }, view_)).toEqual(closed);
    expect(ports({ openAs: "replica", openUntil: NOW }, view_)).toEqual([]);
    expect(ports({ openAs: "leader", openUntil: NOW + 1 }, view_)).toEqual([]);
    expect(ports({ openAs: "replica", openUntil: NOW + 1 }, view_, { enabled: false })[0]).toEqual(closed[0]);
  });

  test("a term that has not begun does so by a view, but not in a switchover", () => {
    const begun: Event = { kind: "view", view: view({ heartbeat: heartbeat({ term: "6" }) }) };
    expect(ports({}, begun)).toMatchObject([{ kind: "renew" }]);
    expect(ports({ handover: true }, begun)).toEqual([]);
    expect(ports({ local: undefined }, begun)).toEqual([]);
    const ofOther = (more: Partial<Beat>): Event => ({
      kind: "view",
      view: view({ heartbeat: heartbeat(more) }),
    });
    expect(ports({}, ofOther({ state: "off" }))).toEqual([]);
    expect(ports({}, ofOther({ state: "closed" }))).toMatchObject([{ kind: "renew" }]);
    expect(ports({}, { kind: "view", view: view() })).toEqual([]);
  });

  test("by an answer of Patroni's: a promotion that has ended does not wait for the tick", () => {
    const said = (more: Partial<Local> = {}): Event => ({ kind: "local", local: local(more) });
    expect(ports({}, said())).toMatchObject([{ kind: "renew" }]);
    expect(ports({}, said({ role: "standby_leader" }))).toMatchObject([{ kind: "renew" }]);
    expect(ports({}, said({ role: "replica" }))).toEqual([]);
    expect(ports({ openAs: "leader" }, said())).toEqual([]);
    expect(ports({ handover: true }, said())).toEqual([]);
    expect(ports({}, said(), { enabled: false })).toEqual([]);
    expect(ports({ view: undefined }, said({ role: "replica", holdsLock: false }))).toEqual([]);
  });

  describe("of a replica", () => {
    const replica = local({ role: "replica", holdsLock: false, timeline: undefined, ancestors: undefined });
    const bs = (startedAt: number) =>
      view({ startedAt, leader: key("b"), heartbeat: heartbeat({ node: "b" }) });
    const heard = (at: number, readAt: number, more: Partial<State> = {}, how = {}) =>
      ports({ view: bs(readAt), ...more }, { kind: "local", local: { ...replica, startedAt: at } }, how);

    test("is open for a lease from the earlier of both answers", () => {
      expect(heard(NOW - 10, NOW - 60)).toEqual([open(NOW - 60 + LEASE, "replica")]);
      expect(heard(NOW - 90, NOW - 60)).toEqual([open(NOW - 90 + LEASE, "replica")]);
      expect(ports({ local: replica }, { kind: "view", view: bs(NOW - 60) })).toEqual([
        open(NOW - 100 + LEASE, "replica"),
      ]);
      expect(ports({ local: undefined }, { kind: "view", view: bs(NOW - 60) })).toEqual([]);
    });
    test("while etcd is away, by Patroni's answer alone: where Patroni is kept from etcd", () => {
      const away = NOW - 1_001;
      expect(heard(NOW - 10, away, { admittedUntil: NOW - 10 })).toEqual([open(NOW - 10 + LEASE, "replica")]);
      expect(heard(NOW - 10, away, { admittedUntil: NOW - 9 })).toEqual([open(away + LEASE, "replica")]);
      expect(heard(NOW - 10, NOW - 1_000, { admittedUntil: 0 })).toEqual([
        open(NOW - 1_000 + LEASE, "replica"),
      ]);
      const off = { enabled: false };
      expect(heard(NOW - 10, away, { admittedUntil: NOW + 900 }, off)).toEqual([
        open(NOW - 10 + LEASE, "replica"),
      ]);
    });
    test.each([
      ["primary", false],
      ["replica", true],
    ] as const)("stays shut for a %s that holds the lock: %s", (role, holdsLock) => {
      const view_ = bs(NOW - 60);
      expect(ports({ view: view_ }, { kind: "local", local: { ...replica, role, holdsLock } })).toEqual([]);
    });
  });

  describe("without the leader lease", () => {
    const reads = (more: Partial<View>, at: Partial<Local> | undefined = {}) =>
      ports({ local: at && local(at) }, { kind: "view", view: view(more) }, { enabled: false });
    test.each([
      ["a lease", { leaderTtlSeconds: 15 }, {}, [open(END, "leader")]],
      ["no longer than the key", { leaderTtlSeconds: 1 }, {}, [open(NOW - 60 + 990, "leader")]],
      ["nothing once that has run out", { leaderTtlSeconds: 0 }, {}, []],
      ["nothing where that is not known", {}, {}, []],
      [
        "a lease, by an answer of a second ago",
        { leaderTtlSeconds: 15 },
        { startedAt: NOW - 1_000 },
        [open(END, "leader")],
      ],
      ["nothing by an older one", { leaderTtlSeconds: 15 }, { startedAt: NOW - 1_001 }, []],
      ["nothing for a replica", { leaderTtlSeconds: 15 }, { role: "replica" }, []],
    ] as [string, Partial<View>, Partial<Local>, Action[]][])(
      "is open for %s",
      (_name, more, at, expected) => {
        expect(reads(more, at)).toEqual(expected);
      },
    );
    test("stays shut before Patroni has answered", () => {
      const before = state({ local: undefined });
      const event: Event = { kind: "view", view: view({ leaderTtlSeconds: 15 }) };
      expect(kinds(before, event, { enabled: false })).toEqual([]);
    });
  });
});
