/** What the guards of a region do that is not greatest, one condition at a time. */
import { describe, expect, test } from "vitest";
import { NO_STATUS, type RegionAction, type Status } from "../../../../nodes/guard/region/region-facts.js";
import { yieldTo } from "../../../../nodes/guard/region/yield.js";
import { knownOf, NOW, RULES, type Situation, standby } from "./situation.js";

const named = (action: RegionAction): string => {
  if (action.kind === "change-role")
    return `becomes ${action.role.kind === "standby" ? action.role.source.kind : "primary"}`;
  if (action.kind === "write-status") return action.reason;
  return action.kind;
};
const does = (...situations: readonly Situation[]) => yieldTo(knownOf(...situations)).map(named);
const MINE: Status = { ...NO_STATUS, sequence: 7, opened: 1 };
const CLAIMED: Situation = { reading: { own: 1, peer: 2, mine: MINE } };
const OPEN = { ...NO_STATUS, opened: 2, opening: { epoch: 2, reason: "", lagMillis: 0 } };
const SLOTS = [{ name: "dr_diverged_e1_t4_5", epoch: 1, timeline: 4, database: 5 }];
const DEMOTED = { of: 1, epoch: 2, node: "n1", term: "5" };

describe("a primary region", () => {
  const shut: Situation = { ...CLAIMED, state: { closedAt: NOW - 200 } };

  test("shuts its port first, and reads its log after that", () => {
    expect(does(CLAIMED)).toEqual(["close"]);
    expect(does(shut, { state: { closedAt: NOW - 99 } })).toEqual(["close"]);
    expect(does(shut, { state: { closedAt: NOW - 100 } })).toEqual(["demotes n1 for epoch 2"]);
  });

  test("then gives notice", () => {
    const released = {
      epoch: 1,
      opened: 1,
      mark: { epoch: 1, timeline: 4 },
      acknowledged: 1,
      lsn: 1,
      address: "",
    };
    const [action] = yieldTo(knownOf(shut, { reading: { ...shut.reading, mine: { ...MINE, released } } }));
    expect(action).toEqual({
      kind: "write-status",
      status: { ...MINE, sequence: 8, demoted: DEMOTED, released: undefined },
      reason: "demotes n1 for epoch 2",
    });
  });

  const noticed = (more: Partial<typeof DEMOTED> = {}): Situation => ({
    reading: { ...shut.reading, mine: { ...MINE, demoted: { ...DEMOTED, ...more } } },
  });
  test("and becomes standby with the end of its log", () => {
    expect(yieldTo(knownOf(shut, noticed()))).toEqual([
      {
        kind: "change-role",
        role: standby("nobody"),
        expect: { configMod: "1", epochMod: "1", term: "5" },
        notAfter: NOW - 100 + RULES.leaseMillis,
        reason: "the other region claims epoch 2",
        extent: { of: 1, mark: { epoch: 1, timeline: 4 }, lsn: 1_000 },
      },
    ]);
  });
  test.each([{ of: 0 }, { epoch: 1 }, { node: "n2" }, { term: "4" }])("a notice with %j is none", (more) => {
    expect(does(shut, noticed(more))).toEqual(["demotes n1 for epoch 2"]);
  });

  const idle: Record<string, Situation> = {
    "on a node that does not lead": { view: { term: undefined } },
    "before PostgreSQL has answered": { state: { log: undefined } },
    "on a replica": { log: { isPrimary: false } },
    "by an old answer of PostgreSQL's": { log: { startedAt: NOW - 1_001 } },
    "by an answer from before the term": { state: { term: { term: "5", since: NOW - 99 } } },
  };
  test.each(Object.entries(idle))("does nothing %s", (_name, more) => {
    expect(does(CLAIMED, more)).toEqual([]);
  });
  test("takes an answer as old as it may be, or as the term", () => {
    expect(does(CLAIMED, { log: { startedAt: NOW - 1_000 } })).toEqual(["close"]);
    expect(does(CLAIMED, { state: { term: { term: "5", since: NOW - 100 } } })).toEqual(["close"]);
    expect(does(CLAIMED, { state: { term: undefined } })).toEqual(["close"]);
  });
});

describe("once the other region has opened", () => {
  const open: Situation = { reading: { own: 1, peer: 2, mine: MINE, theirs: OPEN } };

  test("a primary region follows with any leader, or none, when others had the time to save", () => {
    const seen = (at: number): Situation => ({ state: { peerOpenSeen: { epoch: 2, at } } });
    const [change] = yieldTo(knownOf(open, seen(NOW - 10_000)));
    expect(change).toMatchObject({
      role: standby("region"),
      expect: { term: undefined },
      reason: "epoch 2 is open",
    });
    expect(does(open, seen(NOW - 9_999))).toEqual([]);
    expect(does(open, { state: { peerOpenSeen: { epoch: 1, at: 0 } } })).toEqual([]);
    expect(does(open)).toEqual([]);
  });

  test("at once, where it has served nothing, or all of it was handed over", () => {
    expect(does(open, { reading: { ...open.reading, mine: NO_STATUS } })).toEqual(["becomes region"]);
    const released = {
      epoch: 2,
      opened: 1,
      mark: { epoch: 1, timeline: 4 },
      acknowledged: 1,
      lsn: 1,
      address: "",
    };
    expect(does(open, { reading: { ...open.reading, mine: { ...MINE, released } } })).toEqual([
      "becomes region",
    ]);
  });

  test("not before what only this node has is saved, or while Patroni runs", () => {
    const data = (patroniRuns: boolean): Situation => ({
      state: {
        data: { slots: SLOTS, isStandby: false, timeline: 4, records: [], patroniRuns },
        peerOpenSeen: { epoch: 2, at: 0 },
      },
    });
    expect(does(open, data(true))).toEqual([]);
    expect(does(open, data(false))).toEqual(["becomes region"]);
    expect(does(open, data(true), { role: standby("nobody"), log: { isPrimary: false } })).toEqual([
      "publishes",
    ]);
  });

  const late: Situation = { state: { peerOpenSeen: { epoch: 2, at: 0 } }, log: { isPrimary: false } };
  const streams = (isStreaming: boolean): Situation => ({
    log: { isPrimary: false, replay: { isStreaming, usesArchive: false, isWaiting: true } },
  });
  test.each([
    ["waits", standby("nobody"), {}, ["becomes region"]],
    [
      "follows one node",
      { kind: "standby", source: { kind: "node", address: "10.9.0.1" } },
      {},
      ["becomes region"],
    ],
    ["follows already", standby("region"), {}, ["publishes"]],
    ["waits, on a node that does not lead", standby("nobody"), { view: { term: undefined } }, []],
    ["is still fetching from the vault", standby("vault"), streams(false), ["publishes"]],
    ["fetches from the vault, and knows nothing of its replay", standby("vault"), {}, ["publishes"]],
    ["is sent the log already", standby("vault"), streams(true), ["becomes region"]],
  ] as [string, ReturnType<typeof standby>, Situation, string[]][])(
    "a standby region that %s",
    (_name, role, more, expected) => {
      expect(does(open, late, { role }, more)).toEqual(expected);
    },
  );
  test("a standby region waits until the other has opened", () => {
    expect(does(CLAIMED, late, { role: standby("nobody") })).toEqual(["publishes"]);
  });

  test("a region of which only the name is left forgets that, 10 s later", () => {
    const bare = (at: number | undefined, nameOnlyMod: string | undefined = "3"): Situation => ({
      view: { nameOnlyMod, term: undefined },
      role: standby("region"),
      state: { nameOnlySince: at },
    });
    expect(yieldTo(knownOf(open, late, bare(NOW - 10_000)))).toEqual([
      {
        kind: "forget-cluster",
        nameMod: "3",
        expect: { configMod: "1", epochMod: "1" },
        reason: "no node here has any data",
      },
    ]);
    expect(does(open, late, bare(NOW - 9_999))).toEqual([]);
    expect(does(open, late, bare(undefined))).toEqual([]);
    expect(does(open, late, bare(0), { role: standby("vault") })).toEqual([]);
    const waiting = { reading: { ...open.reading, theirs: NO_STATUS, mine: { ...MINE, opened: 1 } } };
    expect(does(open, late, bare(0), waiting)).toEqual([]);
    expect(does(open, late, { role: standby("region"), state: { nameOnlySince: 0 } })).toEqual(["publishes"]);
  });
});

describe("a demoted region", () => {
  const mark = { epoch: 1, timeline: 4 };
  const extent = { of: 1, mark, lsn: 900 };
  const demoted: Situation = {
    reading: { own: 1, peer: 2, mine: { ...MINE, demoted: DEMOTED } },
    role: standby("nobody"),
    view: { extent },
    log: { isPrimary: false, timeline: undefined },
    state: { standbySince: NOW - 100 },
  };

  test("releases by the node that was its leader", () => {
    expect(yieldTo(knownOf(demoted))).toEqual([
      {
        kind: "write-status",
        status: {
          ...MINE,
          sequence: 8,
          demoted: DEMOTED,
          released: { epoch: 2, opened: 1, mark, acknowledged: 900, lsn: 1_000, address: "10.0.0.1" },
        },
        reason: "releases for epoch 2",
      },
    ]);
  });

  const released = (epoch: number): Situation => ({
    reading: {
      ...demoted.reading,
      mine: {
        ...MINE,
        demoted: DEMOTED,
        released: { epoch, opened: 1, mark, acknowledged: 900, lsn: 1_000, address: "10.0.0.1" },
      },
    },
  });
  test.each([
    ["once", released(2), ["publishes"]],
    ["again for another epoch", released(1), ["releases for epoch 2"]],
    ["not after the other has opened", { reading: { ...demoted.reading, theirs: OPEN } }, ["publishes"]],
    ["not with less than was acknowledged", { log: { ...demoted.log, lsn: 899 } }, ["publishes"]],
    ["with exactly that", { log: { ...demoted.log, lsn: 900 } }, ["releases for epoch 2"]],
    [
      "not with another leader's log",
      { log: { ...demoted.log, mark: { epoch: 1, timeline: 3 } } },
      ["publishes"],
    ],
    ["not by an earlier demotion's extent", { view: { extent: { ...extent, of: 0 } } }, ["publishes"]],
    ["not without an extent", { view: { extent: undefined } }, ["publishes"]],
    ["not while PostgreSQL runs as a primary", { log: { ...demoted.log, isPrimary: true } }, []],
    ["not by an old answer", { log: { ...demoted.log, startedAt: NOW - 1_001 } }, []],
    [
      "by one as old as it may be",
      { log: { ...demoted.log, startedAt: NOW - 1_000 } },
      ["releases for epoch 2"],
    ],
    ["not before PostgreSQL has answered", { state: { log: undefined } }, []],
  ] as [string, Situation, string[]][])("releases %s", (_name, more, expected) => {
    expect(does(demoted, more)).toEqual(expected);
  });

  const another = (more: object): Situation => ({
    reading: { ...demoted.reading, mine: { ...MINE, demoted: { ...DEMOTED, ...more } } },
  });
  test.each([
    ["another node was its leader", another({ node: "n2" })],
    ["it was in another term", another({ term: "4" })],
    ["no notice was given", { reading: { ...demoted.reading, mine: MINE } }],
  ] as [string, Situation][])("where %s a leader waits 10 s, others 20 s", (_name, other) => {
    const since = (millis: number | undefined, term: string | undefined): Situation => ({
      state: { standbySince: millis === undefined ? undefined : NOW - millis },
      view: { extent, term },
    });
    expect(does(demoted, other, since(9_999, "5"))).toEqual(["publishes"]);
    expect(does(demoted, other, since(10_000, "5"))).toEqual(["releases for epoch 2"]);
    expect(does(demoted, other, since(19_999, undefined))).toEqual([]);
    expect(does(demoted, other, since(20_000, undefined))).toEqual(["releases for epoch 2"]);
    expect(does(demoted, other, since(undefined, "5"))).toEqual(["publishes"]);
  });

  test("one that has never served releases by any node that leads, at once", () => {
    const never: Situation = { reading: { own: 1, peer: 2, mine: NO_STATUS }, view: { extent: undefined } };
    const [action] = yieldTo(knownOf(demoted, never));
    expect(action).toMatchObject({ status: { released: { opened: 0, acknowledged: 1_000 } } });
    expect(does(demoted, never, { view: { term: undefined } })).toEqual([]);
    const empty: Situation = { log: { ...demoted.log, mark: { epoch: 0, timeline: 0 } } };
    expect(does(demoted, never, empty)).toEqual(["releases for epoch 2"]);
  });

  test("one whose log has a later epoch's mark releases by any node that leads", () => {
    const later: Situation = {
      log: { ...demoted.log, mark: { epoch: 2, timeline: 9 } },
      view: { extent: undefined },
    };
    expect(does(demoted, later)).toEqual(["releases for epoch 2"]);
    expect(does(demoted, later, { view: { term: undefined }, state: { standbySince: 0 } })).toEqual([]);
  });

  test("publishes what it has proven, as long as it leads", () => {
    const proof = { node: "n1", mark, wallMillis: 5, lsn: 900 };
    const known = knownOf(demoted, released(2), { state: { proof } });
    expect(yieldTo(known)).toMatchObject([{ reason: "publishes", status: { proof } }]);
    const lost = knownOf(demoted, released(2), { state: { proof: { ...proof, lsn: known.log.lsn + 1 } } });
    expect(yieldTo(lost)).toMatchObject([{ reason: "publishes", status: { proof: undefined } }]);
    expect(does(demoted, released(2), { view: { term: undefined } })).toEqual([]);
  });
});
