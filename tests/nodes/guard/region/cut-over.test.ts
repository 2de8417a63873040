/** What etcd forgets when a region goes over to restored data, and when it doesn't. */
import { beforeEach, describe, expect, test } from "vitest";
import { keysOf } from "../../../../nodes/guard/leader/leader-keys.js";
import { carryOutLogOrder, type LogOrder, logOrderOf } from "../../../../nodes/guard/region/cut-over.js";
import { SimEtcd } from "../sim/etcd.js";

const keys = keysOf({ namespace: "/dr/", scope: "home" });
const STAMP = "20260301T120000Z";
const LATER = "20260302T120000Z";
const EARLIER = "20260228T120000Z";
const BEAT = { node: "a", state: "closed", term: "4", timeline: 3, system: "7" };
const FORGET: LogOrder = { kind: "forget", stamp: STAMP, epoch: 5 };

let etcd: SimEtcd;
/** Called between what an order reads and what it changes. */
let meanwhile: () => void;
const put = (key: string, value: unknown) =>
  etcd.transact([], [{ put: key, value: typeof value === "string" ? value : JSON.stringify(value) }], []);
const value = (key: string) => etcd.get(key)?.value;
const carryOut = (order: LogOrder) =>
  carryOutLogOrder(keys, order, async ({ compare, success, failure }) => {
    if (compare.length > 0) meanwhile();
    return etcd.transact(compare, success, failure);
  });

beforeEach(() => {
  etcd = new SimEtcd(() => 0);
  meanwhile = () => {};
  put(keys.config, { ttl: 30 });
  put(keys.epoch, "5");
  put(keys.initialize, "7");
  put(keys.status, { optime: 900 });
  put(keys.sync, { leader: "a", sync_standby: "b" });
  put(keys.failover, {});
  put(keys.heartbeat, BEAT);
});

describe("the log is forgotten", () => {
  test("by one transaction, with the timeline that a guard would hold against another; nothing else is", async () => {
    put(keys.extent, { of: 3 });
    expect((await carryOut(FORGET)).result).toBe("forgotten");
    expect([keys.status, keys.sync, keys.failover].map(value)).toEqual([undefined, undefined, undefined]);
    expect(JSON.parse(value(keys.heartbeat) ?? "")).toEqual({ ...BEAT, timeline: 0 });
    for (const key of [keys.config, keys.epoch, keys.initialize, keys.extent])
      expect(value(key)).toBeDefined();
    expect(value(keys.cutOver)).toBe(STAMP);
  });

  test("once: a repeated order gets the same answer, and newer keys stay", async () => {
    await carryOut(FORGET);
    put(keys.sync, { leader: "b" });
    expect((await carryOut(FORGET)).result).toBe("forgotten");
    expect(value(keys.sync)).toBeDefined();
    expect((await carryOut({ kind: "keep", stamp: STAMP })).result).toBe("refused");
  });

  test.each<[string, string, () => void]>([
    ["somebody leads", "leader key", () => put(keys.leader, "b")],
    ["there is a later claim", "epoch is now 6", () => put(keys.epoch, "6")],
    [
      "the region follows",
      "not marked",
      () => put(keys.config, { standby_cluster: { host: "a,b", port: 1 } }),
    ],
    ["there was a later one", "a later cut-over", () => put(keys.cutOver, LATER)],
    ["a later one was undone", "a later cut-over", () => put(keys.cutOver, `undone ${LATER}`)],
    ["it was undone", "was undone", () => put(keys.cutOver, `undone ${STAMP}`)],
  ])("not where %s", async (_, reason, change) => {
    change();
    expect(await carryOut(FORGET)).toMatchObject({
      result: "refused",
      reason: expect.stringContaining(reason),
    });
    expect(value(keys.status)).toBeDefined();
  });

  test.each<[string, () => void]>([
    ["somebody comes to lead", () => put(keys.leader, "b")],
    ["a claim is seen", () => put(keys.epoch, "6")],
    ["the configuration changes", () => put(keys.config, { ttl: 31 })],
    ["a guard writes its heartbeat", () => put(keys.heartbeat, { ...BEAT, state: "taken" })],
    ["it is put back", () => put(keys.cutOver, `undone ${STAMP}`)],
  ])("not where %s meanwhile", async (_, change) => {
    meanwhile = change;
    expect((await carryOut(FORGET)).result).toBe("refused");
    expect(value(keys.status)).toBeDefined();
  });
});

test("where no guard ever wrote a heartbeat, none is made up", async () => {
  etcd.transact([], [{ delete: keys.heartbeat }], []);
  expect((await carryOut(FORGET)).result).toBe("forgotten");
  expect(value(keys.heartbeat)).toBeUndefined();
});

test("a look changes nothing", async () => {
  put(keys.leader, "b");
  put(keys.cutOver, EARLIER);
  expect(await carryOut({ kind: "look" })).toEqual({
    result: "seen",
    leader: "b",
    epoch: 5,
    role: "primary",
    cutOver: EARLIER,
  });
  expect(value(keys.status)).toBeDefined();
  expect(value(keys.cutOver)).toBe(EARLIER);
});

test("nothing is put back that was forgotten meanwhile", async () => {
  meanwhile = () => put(keys.cutOver, STAMP);
  expect((await carryOut({ kind: "keep", stamp: STAMP })).result).toBe("refused");
  expect(value(keys.cutOver)).toBe(STAMP);
});

test("what is put back is never forgotten", async () => {
  let writes = 0;
  meanwhile = () => {
    writes++;
  };
  expect((await carryOut({ kind: "keep", stamp: STAMP })).result).toBe("kept");
  expect((await carryOut({ kind: "keep", stamp: STAMP })).result).toBe("kept");
  expect(writes).toBe(1);
  expect((await carryOut(FORGET)).result).toBe("refused");
  expect(value(keys.status)).toBeDefined();
});

test.each([EARLIER, `undone ${EARLIER}`])("an earlier one, %s, prevents nothing", async (known) => {
  put(keys.cutOver, known);
  expect((await carryOut({ kind: "keep", stamp: STAMP })).result).toBe("kept");
  put(keys.cutOver, known);
  expect((await carryOut(FORGET)).result).toBe("forgotten");
});

test("that a later log was forgotten stays known", async () => {
  await carryOut({ ...FORGET, stamp: LATER } as LogOrder);
  expect(await carryOut({ kind: "keep", stamp: STAMP })).toMatchObject({
    result: "refused",
    reason: expect.stringContaining(LATER),
  });
  expect(value(keys.cutOver)).toBe(LATER);
});

test("its commands take a stamp and an epoch, and no other is one of them", () => {
  expect(logOrderOf("status", [])).toBeUndefined();
  expect(logOrderOf("log-state", [])).toEqual({ kind: "look" });
  expect(logOrderOf("forget-log", [STAMP, "5"])).toEqual(FORGET);
  expect(() => logOrderOf("forget-log", [STAMP, "0"])).toThrow("is not an epoch");
  expect(() => logOrderOf("forget-log", ["x", "5"])).toThrow("is not a cut-over's stamp");
});
