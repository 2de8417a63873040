/** The leader's decision, one condition at a time: from a situation that is let through, each test takes one thing away. */
import { describe, expect, test } from "vitest";
import { decide, pace } from "../../../../nodes/guard/leader/leader-decision.js";
import {
  type Action,
  type Beat,
  type Event,
  initialState,
  type Local,
  NO_REGION_KEYS,
  OPEN_GATE,
  type State,
  type View,
} from "../../../../nodes/guard/leader/leader-facts.js";
import { markerOf, suspectOf, takeOver } from "../../../../nodes/guard/leader/succession.js";

const LEASE = 2_000;
const NOW = 100_000;
const WAIT = LEASE * 1.01 + 200;
const config = (more: Partial<{ enabled: boolean; mayLead: boolean }> = {}) => ({
  node: "a",
  mayLead: more.mayLead ?? true,
  leaderLease: { enabled: more.enabled ?? true, leaseMillis: LEASE, renewMillis: 400, timeoutMillis: 300 },
});
const key = (value: string, more: object = {}) => ({ value, create: "7", mod: "8", lease: "70", ...more });
const beat = (more: Partial<Beat> = {}): Beat => ({
  node: "a",
  state: "held",
  term: "7",
  timeline: 3,
  system: "s",
  ...more,
});
const heartbeat = (more: Partial<Beat> = {}, mod = "9") => ({ beat: beat(more), mod });
const view = (more: Partial<View> = {}): View => ({
  startedAt: NOW - 60,
  endedAt: NOW - 50,
  leader: key("a"),
  heartbeat: heartbeat(),
  initialize: "s",
  forgetMillis: 15_500,
  members: {},
  region: NO_REGION_KEYS,
  ...more,
});
const local = (more: Partial<Local> = {}): Local => ({
  startedAt: NOW - 100,
  role: "primary",
  timeline: 3,
  ancestors: [1, 2],
  holdsLock: true,
  ...more,
});
const state = (more: Partial<State> = {}): State => ({
  ...initialState(0),
  view: view(),
  local: local(),
  healthyAt: NOW - 100,
  heartbeatSeen: { what: "9", since: NOW - 50 },
  leaderSeen: { what: "7 a", since: NOW - 50 },
  ...more,
});
const actions = (before: State, event: Event, more = {}) => decide(config(more), before, event, NOW).actions;
const kinds = (before: State, event: Event, more = {}) =>
  actions(before, event, more).map(({ kind }) => kind);
const TICK: Event = { kind: "tick" };

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

describe("a term that is to begin", () => {
  const renewal = (
    more: Partial<View>,
    at: Partial<Local> | undefined,
    rest: Partial<State> = {},
    how = {},
  ) => {
    const before = state({ view: view(more), local: at && local(at), ...rest });
    const found = actions(before, TICK, how).find(({ kind }) => kind === "renew");
    return found?.kind === "renew" ? found : undefined;
  };
  const begins = (...args: Parameters<typeof renewal>) => renewal(...args) !== undefined;
  /** Its own of an earlier term. */
  const own = { heartbeat: heartbeat({ term: "6" }) };
  const others = (more: Partial<Beat> = {}) => ({
    heartbeat: heartbeat({ node: "b", state: "closed", ...more }),
  });

  test("needs a new answer of PostgreSQL's", () => {
    expect(begins(own, {})).toBe(true);
    expect(begins(own, { startedAt: NOW - 1_000 })).toBe(true);
    expect(begins(own, { startedAt: NOW - 1_001 })).toBe(false);
    expect(begins(own, undefined)).toBe(false);
  });

  test.each([
    ["its own", own, { timeline: 3 }, true],
    ["its own, without ancestors", own, { timeline: 3, ancestors: undefined }, true],
    ["another's of the same number", others(), { timeline: 3 }, false],
    ["a newer one from it", others(), { timeline: 4, ancestors: [1, 3] }, true],
    ["a newer one beside it", others(), { timeline: 4, ancestors: [1, 2] }, false],
    ["one whose ancestors are not known", others(), { timeline: 4, ancestors: undefined }, false],
    ["an older one", others(), { timeline: 2, ancestors: [3] }, false],
    ["another's first", others({ timeline: 1 }), { timeline: 1, ancestors: [] }, false],
    ["one that is not known", others(), { timeline: undefined, ancestors: [3] }, false],
    ["another cluster's", others({ system: "t" }), { timeline: 1, ancestors: [] }, true],
    ["the first", others({ timeline: 0 }), { timeline: 1, ancestors: [] }, true],
    [
      "a standby leader's",
      others(),
      { role: "standby_leader", timeline: undefined, ancestors: undefined },
      true,
    ],
  ] as [string, Partial<View>, Partial<Local>, boolean][])(
    "on a timeline: %s",
    (_name, more, at, expected) => {
      expect(begins(more, at)).toBe(expected);
    },
  );

  const NEW = { timeline: 4, ancestors: [3] };
  const stood = (millis: number): Partial<State> => ({ heartbeatSeen: { what: "9", since: NOW - millis } });
  test.each([
    ["taken from it", others({ state: "taken" }), {}, true],
    ["closed", others(), {}, true],
    ["held", others({ state: "held" }), {}, false],
    ["held, and unchanged for as long as must be waited", others({ state: "held" }), stood(WAIT), true],
    ["held, and unchanged for a little less", others({ state: "held" }), stood(WAIT - 1), false],
    ["held, and not seen", others({ state: "held" }), { heartbeatSeen: undefined }, false],
  ] as [string, Partial<View>, Partial<State>, boolean][])(
    "over a heartbeat of another that is %s",
    (_name, more, rest, expected) => {
      expect(begins(more, NEW, rest)).toBe(expected);
    },
  );
  test("over one of a node without the lease: by how long the leader key is known", () => {
    const off = others({ state: "off" });
    const known = (millis: number): Partial<State> => ({
      ...stood(0),
      leaderSeen: { what: "7 a", since: NOW - millis },
    });
    expect(begins(off, NEW, known(WAIT))).toBe(true);
    expect(begins(off, NEW, known(WAIT - 1))).toBe(false);
    expect(begins(off, NEW, { ...stood(WAIT), leaderSeen: undefined })).toBe(false);
    // Where this one has none either, Patroni's key decides.
    expect(begins(off, NEW, known(0), { enabled: false })).toBe(true);
    expect(begins(others({ state: "held" }), NEW, known(WAIT), { enabled: false })).toBe(false);
  });

  test("writes down the newest timeline, and opens once PostgreSQL serves on it", () => {
    expect(renewal(others(), NEW)).toMatchObject({ beat: beat({ timeline: 4 }), opens: true });
    expect(renewal(others({ system: "t" }), { timeline: 1 })).toMatchObject({
      beat: { timeline: 1 },
      opens: true,
    });
    const standby = { role: "standby_leader" as const, timeline: undefined };
    expect(renewal(others(), standby)).toMatchObject({ beat: { timeline: 3 }, opens: true });
    const replica = { role: "replica" as const, timeline: undefined };
    expect(renewal({}, replica)).toMatchObject({ beat: { timeline: 3 }, opens: false });
    expect(renewal({}, undefined)).toMatchObject({ beat: { timeline: 3 }, opens: false });
    expect(renewal({}, { timeline: 2 })).toMatchObject({ beat: { timeline: 3 }, opens: false });
    expect(renewal({}, { timeline: undefined })).toMatchObject({ beat: { timeline: 3 }, opens: false });
    expect(renewal({ heartbeat: undefined }, { timeline: undefined })).toMatchObject({
      beat: { timeline: 0 },
      opens: false,
    });
    expect(renewal({ heartbeat: undefined, initialize: undefined }, { timeline: 1 })).toMatchObject({
      expect: { heartbeatMod: "0" },
      beat: { timeline: 1, system: "", term: "7" },
    });
  });

  test("without the leader lease it is written once for each timeline, and opens nothing", () => {
    const off = { heartbeat: heartbeat({ state: "off" }) };
    expect(renewal(own, {}, {}, { enabled: false })).toMatchObject({ beat: { state: "off" }, opens: false });
    expect(renewal(off, {}, {}, { enabled: false })).toBeUndefined();
    const earlier = { heartbeat: heartbeat({ state: "off", term: "6" }) };
    expect(renewal(earlier, {}, {}, { enabled: false })).toMatchObject({ beat: { state: "off", term: "7" } });
    expect(renewal(off, { timeline: 4 }, {}, { enabled: false })).toMatchObject({ beat: { timeline: 4 } });
    expect(renewal({}, {}, {}, { enabled: false })).toMatchObject({ beat: { state: "off" } });
    expect(renewal(off, {})).toMatchObject({ beat: { state: "held" }, opens: true });
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

describe("what is learnt", () => {
  const knows = (before: State, event: Event, more = {}) => decide(config(more), before, event, NOW).state;
  const sees = (more: Partial<View>): Event => ({ kind: "view", view: view(more) });

  test("a heartbeat and a leader are known from when they were first seen", () => {
    const next = knows(
      state({ heartbeatSeen: { what: "9", since: 5 }, leaderSeen: { what: "7 a", since: 6 } }),
      sees({}),
    );
    expect(next.heartbeatSeen).toEqual({ what: "9", since: 5 });
    expect(next.leaderSeen).toEqual({ what: "7 a", since: 6 });
    const other = knows(state(), sees({ heartbeat: undefined, leader: undefined }));
    expect(other.heartbeatSeen).toEqual({ what: "0", since: NOW - 50 });
    expect(other.leaderSeen).toEqual({ what: "", since: NOW - 50 });
    expect(knows(state(), sees({ leader: key("a", { create: "8" }) })).leaderSeen?.what).toBe("8 a");
  });

  test("a second without an answer of etcd's is a gap", () => {
    const gap = (millis: number) =>
      knows(state({ view: view({ endedAt: NOW - 50 - millis }) }), sees({})).blindUntil;
    expect(gap(1_000)).toBe(0);
    expect(gap(1_001)).toBe(NOW - 50);
    expect(knows(state({ view: undefined }), sees({})).blindUntil).toBe(NOW - 50);
  });

  test("a session that was taken is to be revoked once, and no longer than a minute", () => {
    const taken = { heartbeat: heartbeat({ node: "b", state: "taken", session: "66" }, "10") };
    const next = knows(state(), sees(taken));
    expect(next.revoking).toEqual({ "66": NOW });
    expect(knows({ ...next, revoking: {} }, sees(taken)).revoking).toEqual({});
    expect(knows(state(), sees({ heartbeat: heartbeat({ session: "66" }, "10") })).revoking).toEqual({});
    const old = (millis: number) => knows(state({ revoking: { "5": NOW - millis } }), sees({})).revoking;
    expect(old(59_999)).toEqual({ "5": NOW - 59_999 });
    expect(old(60_000)).toEqual({});
  });

  test("the rest", () => {
    const probe = { node: "b", alive: false, askedAt: 1, answered: false };
    const probed = (node: string) => knows(state({ probe }), { kind: "probed", node, alive: true }).probe;
    expect(probed("b")).toEqual({ ...probe, alive: true, answered: true });
    expect(probed("c")).toEqual(probe);
    expect(knows(state(), { kind: "probed", node: "b", alive: true }).probe).toBeUndefined();
    expect(
      knows(state({ revoking: { "1": 2, "3": 4 } }), { kind: "revoked", session: "1" }).revoking,
    ).toEqual({ "3": 4 });
    expect(knows(state(), { kind: "marked", marker: "m", startedAt: 50 }).marker).toEqual({
      value: "m",
      deleteAt: 650,
    });
    expect(knows(state(), { kind: "handover", active: true }).handover).toBe(true);
    const heard = knows(state(), { kind: "local", local: local({ startedAt: NOW - 7 }) });
    expect(heard).toMatchObject({ healthyAt: NOW - 7, local: { startedAt: NOW - 7 } });
    expect(actions(state(), { kind: "revoked", session: "1" })).toEqual([]);
  });

  test("where Patroni could not be kept from etcd, it is for its keepalive longer", () => {
    const failed = (forgetUntil: number) =>
      decide(config(), state({ forgetUntil }), { kind: "shut-out-failed" }, NOW);
    expect(failed(0)).toMatchObject({ state: { forgetUntil: NOW + 20_000 }, actions: [] });
    expect(failed(NOW + 500).state.forgetUntil).toBe(NOW + 20_500);
  });
});

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

describe("a marker", () => {
  const value = markerOf("a", "1");
  test("is remembered as long as it is in the leader key", () => {
    const before = state({ marker: { value, deleteAt: NOW } });
    const knows = (leader: View["leader"]) =>
      decide(config(), before, { kind: "view", view: view({ leader }) }, NOW).state.marker;
    expect(knows(key(value))).toEqual({ value, deleteAt: NOW });
    expect(knows(key("b"))).toBeUndefined();
    expect(knows(undefined)).toBeUndefined();
  });
});

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
