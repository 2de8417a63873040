/** What the region allows bounds what the leader lease would: at each opening, and as soon as the region takes it back. */
import { describe, expect, test } from "vitest";
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import {
  type Action,
  type Event,
  type Gate,
  initialState,
  type Local,
  OPEN_GATE,
  type State,
  type View,
} from "../../../../nodes/guard/leader/leader-facts.js";
import { config, heartbeat, key, LEASE, local, view } from "./situation.js";

/** When the renewal or reading began that allows something, and now. */
const START = 10_000;
const NOW = START + 100;
const END = START + LEASE;

const seen = (leader: string, more: Partial<View> = {}): View =>
  view({
    startedAt: START,
    endedAt: START + 50,
    leader: key(leader),
    heartbeat: heartbeat({ node: leader }),
    ...more,
  });

const answer = (role: Local["role"]): Local =>
  local({
    startedAt: START,
    role,
    ...(role !== "primary" && { timeline: undefined, ancestors: undefined }),
    holdsLock: role !== "replica",
  });

const state = (role: Local["role"], gate: Partial<Gate>, more: Partial<State> = {}): State => ({
  ...initialState(0, false, { ...OPEN_GATE, ...gate }),
  local: answer(role),
  ...more,
});

const portActions = (before: State, event: Event, enabled = true): Action[] =>
  decide(config({ enabled }), before, event, NOW).actions.filter(
    ({ kind }) => kind === "open" || kind === "close",
  ) as Action[];

const renewed: Event = { kind: "renewed", view: seen("a"), opens: true };
/** Region lease, and until when the port may be open: undefined is not at all. */
const BOUNDS: readonly (readonly [string, number, number | undefined])[] = [
  ["shorter than the leader lease", END - 700, END - 700],
  ["as long as the leader lease", END, END],
  ["longer than the leader lease", END + 700, END],
  ["unlimited", Number.POSITIVE_INFINITY, END],
  ["over in a moment", NOW + 1, NOW + 1],
  ["over now", NOW, undefined],
  ["in the past", NOW - 1, undefined],
  ["never given", 0, undefined],
];

describe.each(BOUNDS)("a region lease that is %s", (_name, bound, until) => {
  const opened = (as: "leader" | "replica") => (until === undefined ? [] : [{ kind: "open", until, as }]);

  test("bounds a leader's port at each renewal", () => {
    expect(portActions(state("primary", { writesUntil: bound }), renewed)).toEqual(opened("leader"));
  });

  test("bounds a leader's port without the leader lease", () => {
    const event: Event = { kind: "view", view: seen("a", { leaderTtlSeconds: 15 }) };
    expect(portActions(state("primary", { writesUntil: bound }), event, false)).toEqual(opened("leader"));
  });

  test("bounds a replica's port", () => {
    const before = state("replica", { replicaUntil: bound, writesUntil: 0 });
    expect(portActions(before, { kind: "view", view: seen("b") })).toEqual(opened("replica"));
  });

  test("does not bound a standby leader's port, which takes no writes", () => {
    const before = state("standby_leader", {
      writesUntil: bound,
      standbyLeaderMayServe: true,
      isStandby: true,
    });
    expect(portActions(before, renewed)).toEqual([{ kind: "open", until: END, as: "leader" }]);
  });

  test("opens no port of a node that Patroni has still to promote, where the region's role is primary already", () => {
    const gate = { writesUntil: 0, standbyLeaderMayServe: true, isStandby: false };
    expect(portActions(state("standby_leader", gate), renewed)).toEqual([]);
    const open = state("standby_leader", {}, { openAs: "leader", openUntil: END });
    const event: Event = { kind: "gate", gate: { ...OPEN_GATE, ...gate }, reason: "the region says so" };
    expect(decide(config(), open, event, NOW).actions).toEqual([
      { kind: "close", reason: "the region says so" },
    ]);
  });

  test("opens no standby leader's port while its region is being promoted", () => {
    const before = state("standby_leader", {
      writesUntil: bound,
      standbyLeaderMayServe: false,
      isStandby: true,
    });
    expect(portActions(before, renewed)).toEqual([]);
  });

  describe("changes while the port is open", () => {
    const gate = (more: Partial<Gate>): Event => ({
      kind: "gate",
      gate: { ...OPEN_GATE, ...more },
      reason: "the region says so",
    });
    const closed = until === undefined ? [{ kind: "close", reason: "the region says so" }] : [];
    const open = (role: Local["role"], as: "leader" | "replica") =>
      state(role, {}, { openAs: as, openUntil: END });

    test.each([
      ["leader", "primary", "leader", { writesUntil: bound, replicaUntil: 0, standbyLeaderMayServe: false }],
      ["replica", "replica", "replica", { writesUntil: 0, replicaUntil: bound }],
      [
        "standby leader of a region that is being promoted",
        "standby_leader",
        "leader",
        { writesUntil: bound, replicaUntil: 0, standbyLeaderMayServe: false },
      ],
    ] as const)("closes the port of a %s once it is over", (_who, role, as, bounds) => {
      const step = decide(config(), open(role, as), gate(bounds), NOW);
      expect(step.actions).toEqual(closed);
      expect(step.state.openUntil).toBe(until === undefined ? 0 : END);
      expect(step.state.openAs).toBe(until === undefined ? undefined : as);
    });

    test("leaves a standby leader's port open, which takes no writes", () => {
      const step = decide(
        config(),
        open("standby_leader", "leader"),
        gate({ writesUntil: bound, isStandby: true }),
        NOW,
      );
      expect(step.actions).toEqual([]);
      expect(step.state.openUntil).toBe(END);
    });

    test("closes the port of a primary in a region that became a standby", () => {
      const standby = { writesUntil: bound, isStandby: true, standbyLeaderMayServe: true };
      expect(decide(config(), open("primary", "leader"), gate(standby), NOW).actions).toEqual(closed);
    });

    test("closes nothing that has closed by itself", () => {
      const before = { ...open("primary", "leader"), openUntil: NOW };
      expect(decide(config(), before, gate({ writesUntil: bound }), NOW).actions).toEqual([]);
    });
  });
});

test("what the region says holds for all that comes after", () => {
  const gate: Gate = { ...OPEN_GATE, writesUntil: NOW + 300 };
  const step = decide(config(), state("primary", { writesUntil: 0 }), { kind: "gate", gate }, NOW);
  expect(step.actions).toEqual([]);
  expect(portActions(step.state, renewed)).toEqual([{ kind: "open", until: NOW + 300, as: "leader" }]);
});

test("gives a default reason, that the region accepts no writes", () => {
  const before = state("primary", {}, { openAs: "leader", openUntil: END });
  const step = decide(config(), before, { kind: "gate", gate: { ...OPEN_GATE, writesUntil: 0 } }, NOW);
  expect(step.actions).toEqual([{ kind: "close", reason: "the region of a accepts no writes" }]);
});

test("an open port of a Patroni that is not to run is not prolonged, and Patroni is not let to etcd", () => {
  const before = state("primary", { patroniMayRun: false, writesUntil: 0 });
  expect(decide(config(), before, renewed, NOW).actions).toEqual([]);
  const after = state("primary", { patroniMayRun: true, writesUntil: 0 });
  expect(decide(config(), after, renewed, NOW).actions).toEqual([
    { kind: "admit", until: START + LEASE * 0.75 },
  ]);
});

test("a node that stands aside to save its data does not renew", () => {
  const before = state("primary", { standsAside: true }, { view: seen("a"), healthyAt: START });
  const kinds = (one: State) => decide(config(), one, { kind: "tick" }, NOW).actions.map(({ kind }) => kind);
  expect(kinds(before)).toEqual(["read"]);
  expect(kinds({ ...before, gate: OPEN_GATE })).toEqual(["renew"]);
});
