/** When a leader may begin a term. */
import { describe, expect, test } from "vitest";
import type { Beat, Local, State, View } from "../../../../nodes/guard/leader/leader-facts.js";
import { actions, beat, heartbeat, local, NOW, state, TICK, view, WAIT } from "./situation.js";

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
