/** When a node suspects the leader, and what it takes over. */
import { describe, expect, test } from "vitest";
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import type { State, View } from "../../../../nodes/guard/leader/leader-facts.js";
import { markerOf, suspectOf, takeOver } from "../../../../nodes/guard/leader/succession.js";
import { config, heartbeat, key, NOW, state, view, WAIT } from "./situation.js";

describe("a suspicion", () => {
  const bs = (more: Partial<View> = {}) =>
    view({ leader: key("b"), heartbeat: heartbeat({ node: "b" }), ...more });
  const stood = (millis: number, more: Partial<State> = {}): State =>
    state({
      view: bs(),
      heartbeatSeen: { what: "9", since: NOW - millis },
      leaderSeen: { what: "7 b", since: NOW - millis },
      ...more,
    });
  const CALM = { mute: [], due: false, calm: true };
  const suspicion = (millis: number, more: Partial<State> = {}, how = {}) =>
    suspectOf(config(how), stood(millis, more), NOW);

  test.each([
    [WAIT * 0.45 - 1, CALM],
    [WAIT * 0.45, { probe: "b", mute: [], due: false, calm: false }],
    [WAIT * 0.65 - 1, { probe: "b", mute: [], due: false, calm: false }],
    [WAIT * 0.65, { probe: "b", mute: ["b"], due: false, calm: false }],
    [WAIT - 1, { probe: "b", mute: ["b"], due: false, calm: false }],
    [WAIT, { probe: "b", mute: ["b"], due: true, calm: false }],
  ])("grows with the time that the heartbeat stays the same: %d ms", (millis, expected) => {
    expect(suspicion(millis)).toEqual(expected);
  });
  test("counts from the newer of heartbeat and leader", () => {
    expect(suspicion(WAIT, { leaderSeen: { what: "7 b", since: NOW - 10 } })).toEqual(CALM);
    expect(suspicion(WAIT, { heartbeatSeen: { what: "9", since: NOW - 10 } })).toEqual(CALM);
  });
  test("after a gap the leader gets the time to renew", () => {
    expect(suspicion(WAIT, { blindUntil: NOW - 1_100 }).due).toBe(true);
    expect(suspicion(WAIT, { blindUntil: NOW - 1_099 }).due).toBe(false);
  });
  test("a node that may not lead never takes over", () => {
    expect(suspicion(WAIT, {}, { mayLead: false })).toMatchObject({ mute: ["b"], due: false });
  });
  const off = heartbeat({ node: "b", state: "off" });
  test.each([
    ["without the leader lease", {}, { enabled: false }],
    ["before anything was read", { view: undefined }, {}],
    ["before the heartbeat was seen", { heartbeatSeen: undefined }, {}],
    ["before the leader was seen", { leaderSeen: undefined }, {}],
    ["of this node itself", { view: view() }, {}],
    ["of one that follows Patroni's key alone", { view: bs({ heartbeat: off }) }, {}],
    ["where no node leads", { view: bs({ leader: undefined }) }, {}],
  ] as [string, Partial<State>, object][])("is none %s", (_name, more, how) => {
    expect(suspicion(WAIT, more, how)).toEqual(CALM);
  });
  test("is one of a leader whose heartbeat another without the lease wrote, or that has none", () => {
    expect(suspicion(WAIT, { view: bs({ heartbeat: heartbeat({ node: "c", state: "off" }) }) }).due).toBe(
      true,
    );
    expect(suspicion(WAIT, { view: bs({ heartbeat: undefined }) }).due).toBe(true);
  });

  const GONE = { mute: ["b"], due: false, calm: true };
  const taken = heartbeat({ node: "b", state: "taken", session: "66" });
  test.each([
    ["its lead was taken", { heartbeat: taken }, GONE],
    ["a marker leads", { heartbeat: taken, leader: key(markerOf("c", "1")) }, GONE],
    [
      "it is there with the old session",
      { heartbeat: taken, members: { b: key("{}", { lease: "66" }) } },
      GONE,
    ],
    [
      "it is there with another session",
      { heartbeat: taken, members: { b: key("{}", { lease: "67" }) } },
      CALM,
    ],
    ["its lead was not taken", { heartbeat: heartbeat({ node: "b" }) }, CALM],
    ["it is this node", { heartbeat: heartbeat({ state: "taken", session: "66" }) }, CALM],
    ["there is no heartbeat", { heartbeat: undefined }, CALM],
  ] as [string, Partial<View>, object][])("of a former leader: %s", (_name, more, expected) => {
    expect(suspicion(0, { view: bs({ leader: undefined, ...more }) })).toEqual(expected);
  });

  test("is carried out: asks once, mutes until it is over, takes over", () => {
    const step = (before: State, more = {}) =>
      decide(config(more), before, { kind: "view", view: bs({ ...before.view }) }, NOW);
    const doing = (before: State) => {
      const { actions, state: after } = step(before);
      return [
        actions.map(({ kind }) => kind).filter((kind) => ["mute", "probe", "take-over"].includes(kind)),
        after,
      ] as const;
    };
    const [first, asked] = doing(stood(WAIT * 0.5));
    expect(first).toEqual(["probe"]);
    expect(asked.probe).toEqual({ node: "b", alive: false, askedAt: NOW, answered: false });
    expect(doing(stood(WAIT * 0.5, { probe: asked.probe as NonNullable<State["probe"]> }))[0]).toEqual([]);
    const other = { node: "c", alive: true, askedAt: 1, answered: true };
    expect(doing(stood(WAIT * 0.5, { probe: other }))[0]).toEqual(["probe"]);
    const [second, muting] = doing(stood(WAIT * 0.7, { probe: { ...other, node: "b" } }));
    expect(second).toEqual(["mute"]);
    expect(muting.muted).toEqual(["b"]);
    // The kernel forgets, so the guard mutes again.
    expect(doing(stood(WAIT * 0.7, { muted: ["b"], probe: { ...other, node: "b" } }))[0]).toEqual(["mute"]);
    expect(doing(stood(WAIT, { probe: { ...other, node: "b" } }))[0]).toEqual(["mute", "take-over"]);
    const [last, calm] = doing(stood(10, { muted: ["b"], probe: { ...other, node: "b" } }));
    expect(last).toEqual(["mute"]);
    expect(calm).toMatchObject({ muted: [], probe: undefined });
    expect(doing(stood(10))[0]).toEqual([]);
  });
});

describe("a takeover", () => {
  const sync = key('{"leader":"b"}');
  const suspecting = (more: Partial<State> = {}): State =>
    state({
      view: view({ leader: key("b"), heartbeat: heartbeat({ node: "b" }), sync }),
      heartbeatSeen: { what: "9", since: NOW - 2_500 },
      leaderSeen: { what: "7 b", since: NOW - 2_300.4 },
      ...more,
    });
  const probe = { node: "b", alive: true, askedAt: 0, answered: true };

  test("compares all that was seen", () => {
    expect(takeOver(suspecting(), NOW)).toEqual({
      kind: "take-over",
      expect: { leader: key("b"), heartbeatMod: "9", sync },
      beat: { node: "b", state: "taken", term: "7", timeline: 3, system: "s", session: "70" },
      mark: false,
      waitedMillis: 2_300,
    });
  });
  test("marks for a Patroni that lives", () => {
    const marks = (more: object) => {
      const action = takeOver(suspecting({ probe: { ...probe, ...more } }), NOW);
      return action?.kind === "take-over" && action.mark;
    };
    expect(marks({})).toBe(true);
    expect(marks({ alive: false })).toBe(false);
    expect(marks({ node: "c" })).toBe(false);
  });
  test("forgets the timeline of another cluster", () => {
    const other = (more: Partial<View>) =>
      takeOver(suspecting({ view: view({ leader: key("b"), ...more }) }), NOW);
    expect(other({ heartbeat: heartbeat({ system: "t" }) })).toMatchObject({
      beat: { timeline: 0, system: "s" },
    });
    expect(other({ heartbeat: undefined, initialize: undefined })).toMatchObject({
      expect: { heartbeatMod: "0" },
      beat: { timeline: 0, system: "" },
    });
  });
  test.each([
    { view: undefined },
    { view: view({ leader: undefined }) },
    { heartbeatSeen: undefined },
    { leaderSeen: undefined },
  ])("is none without what it compares", (more) => {
    expect(takeOver(suspecting(more), NOW)).toBeUndefined();
  });
});
