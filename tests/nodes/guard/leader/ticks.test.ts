/** What a tick does, and how soon the next one comes. */
import { describe, expect, test } from "vitest";
import { pace } from "../../../../nodes/guard/leader/leader-decision.js";
import { OPEN_GATE, type State } from "../../../../nodes/guard/leader/leader-facts.js";
import { markerOf } from "../../../../nodes/guard/leader/succession.js";
import { actions, beat, config, heartbeat, key, kinds, NOW, state, TICK, view } from "./situation.js";

describe("a leader's tick", () => {
  test("renews its heartbeat, by what it has seen", () => {
    expect(actions(state(), TICK)).toEqual([
      {
        kind: "renew",
        expect: { leader: key("a"), heartbeatMod: "9" },
        beat: beat(),
        opens: true,
      },
    ]);
  });

  const READS: Record<string, [Partial<State>, object?]> = {
    "another leads": [{ view: view({ leader: key("b") }) }],
    "no node leads": [{ view: view({ leader: undefined }) }],
    "nothing was read yet": [{ view: undefined }],
    "a switchover is under way": [{ handover: true }],
    "it may not lead": [{}, { mayLead: false }],
    "it stands aside": [{ gate: { ...OPEN_GATE, standsAside: true } }],
    "PostgreSQL has been silent for too long": [{ healthyAt: NOW - 10_001 }],
    "and for longer in a standby region": [
      { healthyAt: NOW - 300_001, gate: { ...OPEN_GATE, isStandby: true } },
    ],
  };
  test.each(Object.entries(READS))("only reads where %s", (_name, [more, how]) => {
    expect(actions(state(more), TICK, how)).toEqual([{ kind: "read", withTtl: false }]);
  });
  test.each([
    ["10 s of silence", { healthyAt: NOW - 10_000 }],
    ["300 s in a standby region", { healthyAt: NOW - 300_000, gate: { ...OPEN_GATE, isStandby: true } }],
  ])("renews for %s of PostgreSQL's", (_name, more) => {
    expect(kinds(state(more), TICK)).toEqual(["renew"]);
  });
  test("asks for the key's time to live without the leader lease", () => {
    const before = state({ view: view({ leader: key("b") }) });
    expect(actions(before, TICK, { enabled: false })).toEqual([{ kind: "read", withTtl: true }]);
  });
});

describe("a tick's other work", () => {
  const marker = { value: markerOf("a", "1"), deleteAt: NOW };
  test("a marker is removed when its time has come", () => {
    expect(kinds(state({ marker }), TICK)).toEqual(["unmark", "renew"]);
    expect(kinds(state({ marker: { ...marker, deleteAt: NOW + 1 } }), TICK)).toEqual(["renew"]);
  });
  test("sessions are revoked, but not the leader's", () => {
    expect(actions(state({ revoking: { "66": NOW, "70": NOW } }), TICK)).toMatchObject([
      { kind: "revoke", session: "66" },
      { kind: "renew" },
    ]);
    const unled = state({ view: view({ leader: undefined }), revoking: { "66": NOW } });
    expect(kinds(unled, TICK)).toEqual(["revoke", "read"]);
  });
});

describe("how soon it looks again", () => {
  const unset = { tick: 320, local: 800 };
  const own = { heartbeat: heartbeat({ term: "6" }) };
  test.each([
    ["serves", { openAs: "leader" }, {}, { tick: 400, local: 800 }],
    ["leads, and does not serve yet", {}, {}, { tick: 50, local: 160 }],
    ["serves as a replica, and leads", { openAs: "replica" }, {}, { tick: 50, local: 160 }],
    [
      "leads, in a term that has not begun",
      { openAs: "leader", view: view(own) },
      {},
      { tick: 50, local: 160 },
    ],
    ["leads a standby region", { gate: { ...OPEN_GATE, isStandby: true } }, {}, { tick: 160, local: 160 }],
    [
      "leads a region that is being promoted",
      { gate: { ...OPEN_GATE, standbyLeaderMayServe: false } },
      {},
      { tick: 160, local: 160 },
    ],
    ["follows", { view: view({ leader: key("b") }) }, {}, unset],
    [
      "has somebody to suspect",
      { view: view({ leader: key("b") }), probe: { node: "b", alive: false, askedAt: 0, answered: false } },
      {},
      { tick: 160, local: 800 },
    ],
    ["has no leader", { view: view({ leader: undefined }) }, {}, { tick: 50, local: 800 }],
    [
      "has a marker for a leader",
      { view: view({ leader: key(markerOf("b", "1")) }) },
      {},
      { tick: 50, local: 800 },
    ],
    [
      "has no leader, in a cluster without a name",
      { view: view({ leader: undefined, initialize: "" }) },
      {},
      unset,
    ],
    ["has seen nothing", { view: undefined }, {}, unset],
  ] as [string, Partial<State>, object, object][])("a node that %s", (_name, more, how, expected) => {
    expect(pace(config(how), state(more))).toEqual(expected);
  });
});
