/** The region's keys in etcd: who leads by them, the exact transactions, and the role in Patroni's configuration. */
import { describe, expect, test } from "vitest";
import { type Beat, NO_REGION_KEYS, type View } from "../../../../nodes/guard/leader/leader-facts.js";
import { keysOf } from "../../../../nodes/guard/leader/leader-keys.js";
import { sameRole } from "../../../../nodes/guard/region/actions.js";
import type { Role } from "../../../../nodes/guard/region/region-facts.js";
import {
  changeRole,
  forgetCluster,
  raiseEpoch,
  regionViewOf,
} from "../../../../nodes/guard/region/region-keys.js";
import { roleOf, standbyCluster, withRole } from "../../../../nodes/guard/region/standby-cluster.js";
import { REGION } from "../fakes/region.js";
import { kv } from "../fakes/told-guard.js";
import { aView } from "../fakes/view.js";
import { config } from "../leader/site.js";

const keys = keysOf({ namespace: "/s/", scope: "x" });
const leads = { value: "a", create: "5", mod: "6", lease: "1" };
const beat: Beat = { node: "a", state: "held", term: "5", timeline: 1, system: "1" };
const leading: Partial<View> = { leader: leads, heartbeat: { beat, mod: "9" } };

describe("a node leads its region", () => {
  const term = (more: Partial<View>, enabled = true) =>
    regionViewOf(aView(1, { ...leading, ...more }), {
      node: "a",
      leaderLease: { ...config.leaderLease, enabled },
    }).term;
  const beating = (more: Partial<Beat>) => ({ heartbeat: { beat: { ...beat, ...more }, mod: "9" } });

  test("once its own heartbeat has begun the term of its leader key", () => {
    expect(term({})).toBe("5");
  });

  test.each<[string, Partial<View>]>([
    ["there is no heartbeat", { heartbeat: undefined }],
    ["another node's heartbeat is the last", beating({ node: "b" })],
    ["its heartbeat confesses a closed port", beating({ state: "closed" })],
    ["another guard has taken over", beating({ state: "taken" })],
    ["its heartbeat is of an earlier term", beating({ term: "4" })],
    ["another node has the key", { leader: { ...leads, value: "b" } }],
    ["no node has the key", { leader: undefined }],
  ])("not where %s", (_name, more) => {
    expect(term(more)).toBeUndefined();
  });

  test("by the key alone without the leader lease", () => {
    expect(term({ heartbeat: undefined }, false)).toBe("5");
    expect(term({ heartbeat: undefined, leader: { ...leads, value: "b" } }, false)).toBeUndefined();
    expect(term({ heartbeat: undefined, leader: undefined }, false)).toBeUndefined();
  });
});

describe("a cluster has only a name", () => {
  const bare = kv("", '{"role":"uninitialized"}');
  const member = (value: string) => ({ value, create: "1", mod: "1", lease: bare.lease });
  const nameOnly = (more: Partial<View>) =>
    regionViewOf(aView(1, { leader: undefined, members: { b: member(bare.value) }, ...more }), config)
      .nameOnlyMod;

  test("where no node leads and none has data, even a single one", () => {
    expect(nameOnly({})).toBe("3");
    expect(nameOnly({ members: { b: member(bare.value), c: member(bare.value) } })).toBe("3");
  });

  test.each<[string, Partial<View>]>([
    ["a node leads", { leader: leads }],
    ["it has no name", { initialize: undefined }],
    ["its name is empty: a first node creates it", { initialize: "" }],
    ["no node has spoken", { members: {} }],
    ["one has data", { members: { b: member(bare.value), c: member('{"role":"replica"}') } }],
    ["one says nothing that can be read", { members: { b: member(bare.value), c: member("{") } }],
  ])("not where %s", (_name, more) => {
    expect(nameOnly(more)).toBeUndefined();
  });
});

describe("the transaction", () => {
  test("that raises the epoch compares it", () => {
    expect(raiseEpoch(keys, { kind: "raise-epoch", epoch: 4, expectMod: "7" })).toEqual({
      compare: [{ key: "/s/guard/x/epoch", mod: "7" }],
      success: [{ put: "/s/guard/x/epoch", value: "4" }],
      failure: [],
    });
  });

  test("that forgets a cluster's name compares all that led to it", () => {
    const expected = { configMod: "2", epochMod: "3" };
    expect(
      forgetCluster(keys, { kind: "forget-cluster", nameMod: "8", expect: expected, reason: "" }),
    ).toEqual({
      compare: [
        { key: "/s/x/config", mod: "2" },
        { key: "/s/guard/x/epoch", mod: "3" },
        { key: "/s/x/leader", create: "0" },
        { key: "/s/x/initialize", mod: "8" },
      ],
      success: [{ delete: "/s/x/initialize" }],
      failure: [],
    });
  });

  const change = { kind: "change-role", role: { kind: "primary" }, notAfter: 0, reason: "" } as const;
  const expected = { configMod: "2", epochMod: "3" };
  const compare = [
    { key: "/s/x/config", mod: "2" },
    { key: "/s/guard/x/epoch", mod: "3" },
  ];

  test("that changes the role compares the leader's term where one is needed", () => {
    const leader = [
      { key: "/s/x/leader", value: "a" },
      { key: "/s/x/leader", create: "5" },
    ];
    const made = (term?: string) =>
      changeRole(keys, { ...change, expect: { ...expected, term } }, "{}", config);
    expect(made("5")).toEqual({
      compare: [...compare, ...leader],
      success: [{ put: "/s/x/config", value: "{}" }],
      failure: [],
    });
    expect(made().compare).toEqual(compare);
  });

  test("that changes the role stores the log's extent, or the opening, beside it", () => {
    const mark = { epoch: 1, timeline: 1 };
    const extent = { epoch: 2, opened: 1, mark, lsn: 7 };
    const opening = { epoch: 3, reason: "has released", lagMillis: 0 };
    const more = { extent, opening } as unknown as Partial<Parameters<typeof changeRole>[1]>;
    expect(changeRole(keys, { ...change, expect: expected, ...more }, "{}", config).success).toEqual([
      { put: "/s/x/config", value: "{}" },
      { put: "/s/guard/x/extent", value: JSON.stringify(extent) },
      { put: "/s/guard/x/opening", value: JSON.stringify(opening) },
    ]);
  });
});

const SOURCE = { ...REGION.source, addresses: ["10.1.0.1", "10.1.0.2"] };
const methods = { create_replica_methods: ["basebackup"] };
const NOBODY: Role = { kind: "standby", source: { kind: "nobody" } };
const NODE: Role = { kind: "standby", source: { kind: "node", address: "10.1.0.2" } };
const OTHER: Role = { kind: "standby", source: { kind: "region" } };
const VAULT: Role = { kind: "standby", source: { kind: "vault" } };
const PRIMARY: Role = { kind: "primary" };
const ALL = [PRIMARY, NOBODY, NODE, OTHER, VAULT];

describe("the role in Patroni's configuration", () => {
  test("names what a standby follows", () => {
    const followed = { port: 5432, primary_slot_name: "here" };
    const both = "10.1.0.1,10.1.0.2";
    expect(standbyCluster(SOURCE, { kind: "nobody" })).toEqual({ restore_command: "/bin/false", ...methods });
    expect(standbyCluster(SOURCE, { kind: "node", address: "10.1.0.2" })).toEqual({
      host: "10.1.0.2",
      ...followed,
      ...methods,
    });
    expect(standbyCluster(SOURCE, { kind: "region" })).toEqual({ host: both, ...followed, ...methods });
    expect(standbyCluster(SOURCE, { kind: "vault" })).toEqual({
      host: both,
      ...followed,
      restore_command: "dr-get-wal there %f %p",
      create_replica_methods: ["basebackup", "vault"],
    });
  });

  test.each(ALL)("is read as it was written: %o", (role) => {
    const written = withRole('{"ttl":20,"standby_cluster":{"host":"old"}}', role, SOURCE);
    expect(roleOf(written)).toEqual(role);
    expect(JSON.parse(written)).toMatchObject({ ttl: 20 });
    if (role.kind === "primary") expect(JSON.parse(written)).toEqual({ ttl: 20 });
  });

  test.each([
    ["{}", PRIMARY],
    ['{"standby_cluster":null}', PRIMARY],
    ['{"standby_cluster":{}}', PRIMARY],
    ['{"standby_cluster":{"port":1}}', NOBODY],
    ['{"standby_cluster":{"restore_command":"x"}}', NOBODY],
    ['{"standby_cluster":{"host":"10.1.0.2"}}', NODE],
    ['{"standby_cluster":{"host":"10.1.0.2","restore_command":"x"}}', NODE],
    ['{"standby_cluster":{"host":"a,b"}}', OTHER],
    ["null", undefined],
    ["1", undefined],
    ["{", undefined],
    [undefined, undefined],
  ])("of %s is %o", (text, role) => {
    expect(roleOf(text)).toEqual(role);
  });

  test("replaces a configuration that can't be read", () => {
    expect(withRole("{", PRIMARY, SOURCE)).toBe("{}");
  });
});

describe("two roles are the same", () => {
  test("where kind and source are", () => {
    for (const [i, one] of ALL.entries())
      for (const [j, two] of ALL.entries()) expect(sameRole(one, two), `${i} ${j}`).toBe(i === j);
  });

  test("of a node only with its address", () => {
    const other: Role = { kind: "standby", source: { kind: "node", address: "10.1.0.1" } };
    expect(sameRole(NODE, other)).toBe(false);
    expect(sameRole(NODE, { ...NODE })).toBe(true);
  });
});

test("a region without keys has none", () => {
  expect(NO_REGION_KEYS).toEqual({ configMod: "0", epoch: 0, epochMod: "0" });
});
