/** When Patroni is let to etcd, and when it must forget what it knew. */
import { describe, expect, test } from "vitest";
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import { type Event, OPEN_GATE, type State, type View } from "../../../../nodes/guard/leader/leader-facts.js";
import { actions, config, heartbeat, key, LEASE, NOW, state, view } from "./situation.js";

describe("Patroni must forget", () => {
  const forgets = (
    before: Partial<View> | undefined,
    now: Partial<View>,
    rest: Partial<State> = {},
    how = {},
  ) => {
    const step = decide(
      config(how),
      state({ view: before && view(before), admittedUntil: NOW + 900, ...rest }),
      { kind: "view", view: view(now) },
      NOW,
    );
    const until = step.state.forgetUntil;
    const isShutOut = step.actions[0]?.kind === "shut-out";
    expect(until).toBe(isShutOut ? NOW - 50 + 15_500 : 0);
    if (isShutOut) expect(step.state.admittedUntil).toBe(0);
    return isShutOut;
  };
  const blind = { startedAt: NOW - 60 - LEASE };
  const bs = { leader: key("b"), heartbeat: heartbeat({ node: "b" }) };
  const taken = { leader: undefined, heartbeat: heartbeat({ state: "taken" }, "10") };

  test.each([
    ["its own lead was taken", [{}, taken], true],
    [
      "another's lead was taken",
      [bs, { leader: undefined, heartbeat: heartbeat({ node: "b", state: "taken" }, "10") }],
      false,
    ],
    [
      "its own was taken, which is not new",
      [taken, taken, { heartbeatSeen: { what: "10", since: 0 } }],
      false,
    ],
    [
      "its own is closed",
      [{}, { leader: undefined, heartbeat: heartbeat({ state: "closed" }, "10") }],
      false,
    ],
    [
      "another leads since, after a gap of a lease",
      [
        { ...bs, ...blind },
        { ...bs, leader: key("c") },
      ],
      false,
    ],
    [
      "another term began in a gap of a lease",
      [
        { ...bs, ...blind },
        { ...bs, leader: key("b", { create: "9" }) },
      ],
      true,
    ],
    [
      "and in a shorter gap",
      [
        { ...bs, startedAt: blind.startedAt + 1 },
        { ...bs, leader: key("b", { create: "9" }) },
      ],
      false,
    ],
    ["nothing changed in a gap", [{ ...bs, ...blind }, bs], false],
    [
      "another led on in a gap",
      [
        { ...bs, ...blind },
        { ...bs, heartbeat: heartbeat({ node: "b" }, "10") },
      ],
      false,
    ],
    [
      "the quorum changed in a gap",
      [
        { ...bs, ...blind, sync: key("x", { mod: "1" }) },
        { ...bs, sync: key("x", { mod: "2" }) },
      ],
      true,
    ],
    [
      "the quorum appeared in a gap",
      [
        { ...bs, ...blind },
        { ...bs, sync: key("x") },
      ],
      true,
    ],
    ["it leads on after a gap", [{ ...blind }, { sync: key("x") }], false],
    [
      "it leads after a gap without a leader before",
      [{ ...bs, ...blind, leader: undefined }, { sync: key("x") }],
      false,
    ],
    ["it leads after a gap, in another term", [{ ...blind }, { leader: key("a", { create: "9" }) }], true],
    ["no node leads after a gap, as before", [{ ...blind, leader: undefined }, { leader: undefined }], false],
    [
      "no node leads after a gap, as before, but somebody has in between",
      [
        { ...blind, leader: undefined },
        { leader: undefined, heartbeat: heartbeat({}, "10") },
      ],
      true,
    ],
    [
      "the leader was lost in a gap",
      [
        { ...bs, ...blind },
        { ...bs, leader: undefined },
      ],
      true,
    ],
    ["it ran before this guard did", [undefined, bs, { patroniIsOlder: true }], true],
    [
      "it ran before this guard did, where no node leads",
      [undefined, { leader: undefined }, { patroniIsOlder: true }],
      true,
    ],
    ["it ran before this guard did, and leads", [undefined, {}, { patroniIsOlder: true }], false],
    ["it is as new as this guard", [undefined, bs], false],
    ["its own lead was taken, without the leader lease", [{}, taken, {}, { enabled: false }], false],
  ] as [string, Parameters<typeof forgets>, boolean][])("%s", (_name, args, expected) => {
    expect(forgets(...args)).toBe(expected);
  });
});

describe("Patroni is let to etcd", () => {
  const UNTIL = NOW - 60 + LEASE * 0.75;
  const admits = (before: Partial<State>, event: Event, how = {}) =>
    actions(state(before), event, how).filter(({ kind }) => kind === "admit");
  const renewed = (more: Partial<View> = {}): Event => ({ kind: "renewed", view: view(more), opens: false });
  const follows: Event = {
    kind: "view",
    view: view({ leader: key("b"), heartbeat: heartbeat({ node: "b" }) }),
  };

  test("for three quarters of a lease from the start of a renewal, or of a view where it does not lead", () => {
    expect(admits({}, renewed())).toEqual([{ kind: "admit", until: UNTIL }]);
    expect(admits({}, follows)).toEqual([{ kind: "admit", until: UNTIL }]);
    expect(decide(config(), state(), renewed(), NOW).state.admittedUntil).toBe(UNTIL);
  });
  test("not by a view of a leader's, but in a switchover", () => {
    expect(admits({}, { kind: "view", view: view() })).toEqual([]);
    expect(admits({ handover: true }, { kind: "view", view: view() })).toHaveLength(1);
  });
  test.each([
    ["without the leader lease", {}, renewed(), { enabled: false }, 0],
    ["too late", {}, renewed({ startedAt: NOW - 1_500 }), {}, 0],
    ["just in time", {}, renewed({ startedAt: NOW - 1_499 }), {}, 1],
    ["while it must forget", { forgetUntil: NOW + 1 }, renewed(), {}, 0],
    ["once it has forgotten", { forgetUntil: NOW }, renewed(), {}, 1],
    ["where it may not run", { gate: { ...OPEN_GATE, patroniMayRun: false } }, renewed(), {}, 0],
  ] as [string, Partial<State>, Event, object, number][])("%s", (_name, before, event, how, count) => {
    expect(admits(before, event, how)).toHaveLength(count);
  });
});
