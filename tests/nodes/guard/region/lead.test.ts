/** What the guards of the greatest region do, one condition at a time. */
import { describe, expect, test } from "vitest";
import { lead } from "../../../../nodes/guard/region/lead.js";
import { NO_STATUS, type RegionAction, type Release } from "../../../../nodes/guard/region/region-facts.js";
import { knownOf, NOW, RULES, type Situation, standby } from "./situation.js";

/** Kinds, and what tells two of a kind apart. */
const named = (action: RegionAction): string => {
  if (action.kind === "change-role")
    return `becomes-${action.role.kind === "standby" ? action.role.source.kind : "primary"}`;
  if (action.kind === "write-status") return action.reason;
  return action.kind;
};
const does = (...situations: readonly Situation[]) => lead(knownOf(...situations)).map(named);
const OPENED = { ...NO_STATUS, sequence: 7, opened: 1 };

describe("an active region", () => {
  const active: Situation = { reading: { own: 1, peer: 0, mine: OPENED } };

  test("publishes where its log ends", () => {
    const [action] = lead(knownOf(active));
    expect(action).toEqual({
      kind: "write-status",
      status: {
        ...OPENED,
        sequence: 8,
        position: { wallMillis: 0, node: "n1", mark: { epoch: 1, timeline: 4 }, lsn: 1_000 },
      },
      reason: "publishes",
    });
  });

  test.each([
    [RULES.readMillis - 1, []],
    [RULES.readMillis, ["publishes"]],
  ])("as often as it reads: %i ms after the last", (millis, expected) => {
    expect(does(active, { state: { wroteAt: NOW - millis } })).toEqual(expected);
  });

  const idle: Record<string, Situation> = {
    "on a node that does not lead": { view: { term: undefined } },
    "before PostgreSQL has answered": { state: { log: undefined } },
    "by an old answer of PostgreSQL's": { log: { startedAt: NOW - 1_001 } },
    "by an answer from before the term": { state: { term: { term: "5", since: NOW - 99 } } },
    "on a replica": { log: { isPrimary: false } },
    "where the timeline is not known": { log: { timeline: undefined } },
    "with a mark of an earlier epoch": { log: { mark: { epoch: 0, timeline: 0 } } },
  };
  test.each(Object.entries(idle))("does nothing %s", (_name, more) => {
    expect(does(active, more)).toEqual([]);
  });
  test("takes an answer as old as it may be, or as the term", () => {
    expect(does(active, { log: { startedAt: NOW - 1_000 } })).toEqual(["publishes"]);
    expect(does(active, { state: { term: { term: "5", since: NOW - 100 } } })).toEqual(["publishes"]);
    expect(does(active, { state: { term: undefined } })).toEqual(["publishes"]);
  });

  test("marks its log once more for each leader", () => {
    const [action] = lead(knownOf(active, { log: { mark: { epoch: 1, timeline: 3 } } }));
    expect(action).toEqual({ kind: "mark-log", mark: { epoch: 1, timeline: 4 } });
  });
});

describe("a primary region whose epoch is not open", () => {
  const opening = { epoch: 2, reason: "its lease has run out", lagMillis: 100 };
  const pending: Situation = {
    reading: { own: 2, peer: 1, mine: OPENED, theirs: { ...NO_STATUS, opened: 1 } },
    view: { opening },
    state: { closedAt: NOW - 10 },
    log: { mark: { epoch: 2, timeline: 4 } },
  };

  test("opens it", () => {
    const demoted = { of: 1, epoch: 1, node: "n1", term: "1" };
    const mine = { ...OPENED, demoted };
    const [action] = lead(knownOf(pending, { reading: { ...pending.reading, mine } }));
    expect(action).toEqual({
      kind: "write-status",
      status: {
        sequence: 8,
        opened: 2,
        opening,
        position: { wallMillis: 0, node: "n1", mark: { epoch: 2, timeline: 4 }, lsn: 1_000 },
        demoted: undefined,
        released: undefined,
      },
      reason: "opens epoch 2: its lease has run out",
    });
  });

  test("shuts its port before it marks, and marks before it opens", () => {
    const unmarked: Situation = { log: { mark: { epoch: 1, timeline: 4 } } };
    expect(does(pending, { state: { closedAt: undefined } })).toEqual(["close"]);
    expect(does(pending, unmarked, { state: { closedAt: undefined } })).toEqual(["close"]);
    expect(lead(knownOf(pending, unmarked))).toEqual([{ kind: "mark-log", mark: { epoch: 2, timeline: 4 } }]);
  });

  test("waits without an opening of this epoch, unless it may open now", () => {
    const earlier: Situation = { view: { opening: { ...opening, epoch: 1 } } };
    expect(does(pending, earlier)).toEqual([]);
    const fenced = { reading: { ...pending.reading, overrides: { fenced: 2, acceptDataLoss: 2 } } };
    expect(does(pending, earlier, fenced)).toEqual([
      "opens epoch 2: an operator has confirmed that it is fenced; data loss is accepted",
    ]);
  });

  const log = { mark: { epoch: 1, timeline: 4 }, lsn: 900 };
  const decided: Situation = { view: { opening: { ...opening, log } } };
  test.each([
    ["has what the opening counted on", log, ["mark-log"]],
    [
      "contains this epoch's mark",
      { mark: { epoch: 2, timeline: 4 }, lsn: 1 },
      [`opens epoch 2: ${opening.reason}`],
    ],
    ["was rewound before the promotion", { ...log, lsn: 899 }, []],
    ["was rewound to an earlier leader's log", { mark: { epoch: 1, timeline: 3 }, lsn: 5_000 }, []],
  ])("where its log %s", (_name, end, expected) => {
    expect(does(pending, decided, { log: end })).toEqual(expected);
  });
  test("opens without it where loss is accepted", () => {
    const accepted = { reading: { ...pending.reading, overrides: { fenced: 2, acceptDataLoss: 2 } } };
    expect(does(pending, decided, accepted, { log: { ...log, lsn: 899 } })).toEqual(["mark-log"]);
  });

  const behind: Situation = { view: { opening: undefined }, log: { mark: { epoch: 0, timeline: 0 } } };
  const slots = [{ name: "dr_diverged_e1_t4_5", epoch: 1, timeline: 4, database: 5 }];
  test("follows for what it lacks, but saves first what only it has", () => {
    expect(does(pending, behind)).toEqual(["becomes-region"]);
    const theirs = { ...NO_STATUS, opened: 3 };
    const saves = (patroniRuns: boolean): Situation => ({
      reading: { ...pending.reading, theirs },
      state: { data: { slots, isStandby: false, timeline: 4, records: [], patroniRuns }, closedAt: NOW - 10 },
    });
    expect(does(pending, behind, saves(true))).toEqual([]);
    expect(does(pending, behind, saves(false))).toEqual(["becomes-region"]);
  });
});

describe("a standby region that is claimed", () => {
  const mark = { epoch: 1, timeline: 4 };
  const position = { wallMillis: 1_000_000, node: "far", mark, lsn: 900 };
  const replay = { isStreaming: true, usesArchive: false, isWaiting: true };
  const standing: Situation = {
    reading: { own: 2, peer: 1, theirs: { ...NO_STATUS, sequence: 3, opened: 1, position } },
    role: standby("region"),
    log: { isPrimary: false, timeline: undefined, mark, replay },
    state: {
      claimSeen: { epoch: 2, at: NOW - 20_000 },
      peerNotBefore: NOW - 20_000,
      proof: { node: "n1", mark, wallMillis: 1_000_000, lsn: 900 },
    },
  };
  const waits: Situation = { state: { claimSeen: undefined } };

  test("shuts its port and is promoted", () => {
    const [close, change] = lead(knownOf(standing));
    expect(close).toEqual({ kind: "close", reason: "this region is being promoted" });
    expect(change).toEqual({
      kind: "change-role",
      role: { kind: "primary" },
      expect: { configMod: "1", epochMod: "1", term: "5" },
      notAfter: NOW - 100 + RULES.leaseMillis,
      reason: "its lease has run out; at most the last 20.0 s of its writes are missing",
      opening: {
        epoch: 2,
        reason: "its lease has run out; at most the last 20.0 s of its writes are missing",
        lagMillis: 20_000,
        log: { mark, lsn: 1_000 },
      },
    });
  });

  test("publishes what it has proven while it waits", () => {
    const proof = { node: "n1", mark, wallMillis: 1_000_000, lsn: 900 };
    expect(lead(knownOf(standing, waits))).toEqual([
      { kind: "write-status", status: { ...NO_STATUS, sequence: 1, proof }, reason: "publishes" },
    ]);
  });

  test("publishes no proof of a position that its log has lost", () => {
    const log = { ...standing.log, lsn: 899 };
    expect(lead(knownOf(standing, waits, { log }))).toEqual([
      { kind: "write-status", status: { ...NO_STATUS, sequence: 1 }, reason: "publishes" },
    ]);
  });

  test("does nothing where PostgreSQL is a primary already", () => {
    expect(does(standing, { log: { isPrimary: true } })).toEqual([]);
  });

  const behind: Situation = {
    state: { proof: { node: "n1", mark, wallMillis: 900_000, lsn: 900 } },
    log: { ...standing.log, replay: { ...replay, isStreaming: false } },
  };
  const accepted = { overrides: { fenced: 0, acceptDataLoss: 2 } };
  const accepts: Situation = { reading: { ...standing.reading, ...accepted } };
  test("fetches first from the vault where it may have more, even where loss is accepted", () => {
    expect(does(standing, behind)).toEqual(["becomes-vault"]);
    expect(does(standing, behind, accepts)).toEqual(["becomes-vault"]);
    expect(does(standing, behind, { role: standby("nobody") })).toEqual(["becomes-vault"]);
  });
  test.each([
    ["while it is sent the log", { log: { ...standing.log, replay } }, ["publishes"]],
    [
      "within the budget",
      { state: { proof: { node: "n1", mark, wallMillis: 960_000, lsn: 900 } } },
      ["close", "becomes-primary"],
    ],
    [
      "just above the budget",
      { state: { proof: { node: "n1", mark, wallMillis: 959_999, lsn: 900 } } },
      ["becomes-vault"],
    ],
    ["before the other region is silent", waits, ["publishes"]],
    [
      "in another epoch than it has followed",
      { log: { ...behind.log, mark: { epoch: 0, timeline: 0 } } },
      ["publishes"],
    ],
    ["where its replay is not known", { log: { ...standing.log, replay: undefined } }, ["publishes"]],
    [
      "from one node",
      { role: { kind: "standby", source: { kind: "node", address: "10.9.0.1" } } as const },
      ["publishes"],
    ],
    [
      "from the vault itself",
      { role: standby("vault"), state: { ...behind.state, restingSince: NOW - 5_000 } },
      ["publishes"],
    ],
    ["once it may open without", { role: standby("nobody"), ...accepts }, ["close", "becomes-primary"]],
  ] as [string, Situation, string[]][])("%s: what it does above the budget", (_name, more, expected) => {
    expect(does(standing, behind, more)).toEqual(expected);
  });

  test("leaves the vault before it is promoted, and waits until no archive is in use any more", () => {
    const resting = { state: { restingSince: NOW - 5_000 } };
    expect(does(standing, resting, { role: standby("vault") })).toEqual(["becomes-nobody"]);
    const nobody = (usesArchive: boolean): Situation => ({
      role: standby("nobody"),
      log: { ...standing.log, replay: { ...replay, usesArchive } },
    });
    expect(does(standing, nobody(true))).toEqual([]);
    expect(does(standing, nobody(false))).toEqual(["close", "becomes-primary"]);
    expect(does(standing, { log: { ...standing.log, replay: { ...replay, usesArchive: true } } })).toEqual([
      "close",
      "becomes-primary",
    ]);
    expect(does(standing, { role: standby("nobody"), log: { ...standing.log, replay: undefined } })).toEqual([
      "close",
      "becomes-primary",
    ]);
  });

  describe("that has been demoted before", () => {
    const left: Situation = {
      role: standby("nobody"),
      log: { ...standing.log, mark: { epoch: 0, timeline: 0 } },
    };
    test("follows for what it lacks", () => {
      expect(does(standing, left)).toEqual(["becomes-region"]);
      expect(does(standing, left, { role: standby("region") })).toEqual(["publishes"]);
      expect(does(standing, waits, { role: standby("nobody") })).toEqual(["publishes"]);
    });
    test("but saves first what only it has", () => {
      const slots = [{ name: "dr_diverged_e1_t4_5", epoch: 1, timeline: 4, database: 5 }];
      const data = { slots, isStandby: false, timeline: 4, records: [], patroniRuns: true };
      const reading = { ...standing.reading, mine: OPENED, theirs: { ...NO_STATUS, opened: 3 } };
      expect(does(standing, left, { reading, state: { data } })).toEqual(["publishes"]);
    });
  });

  describe("after a release", () => {
    const release: Release = {
      epoch: 2,
      opened: 1,
      mark,
      acknowledged: 2_000,
      lsn: 2_000,
      address: "10.9.0.1",
    };
    const released = (more: Partial<Release>, at: number | undefined): Situation => ({
      reading: {
        ...standing.reading,
        theirs: { ...NO_STATUS, opened: 1, released: { ...release, ...more } },
      },
      state: { releaseSeen: at === undefined ? undefined : { epoch: 2, at } },
    });
    test("fetches the rest from the node that has it, a second later", () => {
      const [change] = lead(knownOf(standing, waits, released({}, NOW - 1_000)));
      expect(change).toMatchObject({
        role: { kind: "standby", source: { kind: "node", address: "10.9.0.1" } },
      });
      expect(does(standing, released({}, NOW - 999))).toEqual(["publishes"]);
      expect(does(standing, released({}, undefined))).toEqual(["publishes"]);
    });
    test("once, and again where the node is another", () => {
      const from = (address: string): Situation => ({
        role: { kind: "standby", source: { kind: "node", address } },
      });
      expect(does(standing, released({}, NOW - 1_000), from("10.9.0.1"))).toEqual(["publishes"]);
      expect(does(standing, released({}, NOW - 1_000), from("10.9.0.2"))).toEqual(["becomes-node"]);
    });
    test("not for another epoch's, nor where all is here", () => {
      expect(does(standing, waits, released({ epoch: 1 }, NOW - 1_000))).toEqual(["publishes"]);
      const waitsForSave = {
        reading: {
          ...released({ acknowledged: 900 }, NOW).reading,
          mine: { ...NO_STATUS, opened: 2 },
          own: 3,
        },
      };
      const theirs = { ...NO_STATUS, opened: 1, released: { ...release, epoch: 3, acknowledged: 900 } };
      expect(
        does(standing, {
          reading: { ...waitsForSave.reading, peer: 2, theirs },
          state: { releaseSeen: { epoch: 3, at: NOW - 1_000 } },
        }),
      ).toEqual(["publishes"]);
    });
  });
});
