/** The region's shell: what it does for each action, what it reports, and in which order. */
import { describe, expect, test } from "vitest";
import {
  type LogEnd,
  NO_MARK,
  NO_STATUS,
  type RegionAction,
  type Status,
} from "../../../../nodes/guard/region/region-facts.js";
import { turns } from "../fakes/ports.js";
import { aReading, toldRegion, WALL } from "../fakes/told-region.js";
import { aView } from "../fakes/view.js";
import { keys } from "../leader/site.js";

const close: RegionAction = { kind: "close", reason: "a newer claim" };
const readClaims: RegionAction = { kind: "read-claims" };
const status: Status = { ...NO_STATUS, sequence: 4, opened: 1 };
const write = (more: Partial<Status> = {}, reason = "releases"): RegionAction => ({
  kind: "write-status",
  status: { ...status, ...more },
  reason,
});
const change = (notAfter: number): RegionAction => ({
  kind: "change-role",
  role: { kind: "primary" },
  expect: { configMod: "2", epochMod: "3" },
  notAfter,
  reason: "the other region has released",
});
const log: LogEnd = { startedAt: 1, isPrimary: true, timeline: 1, mark: NO_MARK, lsn: 1 };

describe("closing", () => {
  test("is reported once the kernel has closed the port, with that time", async () => {
    const { region, shut, time } = toldRegion();
    region.tell([close]);
    expect(shut.asked).toEqual(["a newer claim"]);
    time.standStill(30);
    expect(region.events).toEqual([]);
    await shut.answer();
    expect(region.events).toEqual([{ kind: "closed", at: time.now() }]);
  });

  test("is not reported where the kernel has refused", async () => {
    const { region, shut, logged } = toldRegion();
    region.tell([close]);
    await shut.fail();
    expect(region.events).toEqual([]);
    expect(logged()).toEqual(["close-failed"]);
    expect(region.readFailures).toBe(0);
  });

  test("gives the other half its first reason, among other actions too", () => {
    const { region, gates } = toldRegion();
    region.tell([readClaims, close, { kind: "close", reason: "another" }]);
    region.tell([readClaims]);
    expect(gates.map(([, reason]) => reason)).toEqual(["a newer claim", undefined]);
  });
});

describe("the claims", () => {
  test("are read once at a time, and again after a failure, which counts", async () => {
    const { region, read, logged } = toldRegion();
    expect(region.readFailures).toBe(0);
    region.tell([readClaims]);
    region.tell([readClaims]);
    expect(read.asked).toHaveLength(1);
    await read.fail();
    expect(region.readFailures).toBe(1);
    expect(logged()).toEqual(["read-claims-failed"]);
    region.tell([readClaims]);
    expect(read.asked).toHaveLength(2);
    const reading = aReading();
    await read.answer(reading);
    expect(region.events).toEqual([{ kind: "reading", reading }]);
    expect(region.readFailures).toBe(1);
  });

  test.each([
    ["the first", undefined, { own: 1, peer: 0 }, ["claims"]],
    ["the same", { own: 1, peer: 2 }, { own: 1, peer: 2 }, []],
    ["another of this region", { own: 1, peer: 2 }, { own: 3, peer: 2 }, ["claims"]],
    ["another of the other region", { own: 1, peer: 2 }, { own: 1, peer: 4 }, ["claims"]],
    ["lost ones", { own: 1, peer: 2 }, undefined, []],
  ])("are logged when they change: %s", (_name, before, after, events) => {
    const { region, logged } = toldRegion();
    region.tell([], { reading: before && aReading(before) });
    logged();
    region.tell([], { reading: after && aReading(after) });
    expect(logged()).toEqual(events);
  });
});

describe("a status", () => {
  test("that was written counts from before the request", async () => {
    const scene = toldRegion();
    const startedAt = scene.time.now();
    scene.region.tell([write()]);
    expect(scene.write.asked).toEqual([status]);
    scene.time.standStill(40);
    await scene.write.answer(true);
    expect(scene.region.events).toEqual([{ kind: "status-written", status, startedAt }]);
    expect(scene.logged()).toEqual(["status-written"]);
    expect(scene.read.asked).toEqual([]);
  });

  test("that was refused makes the guard read again", async () => {
    const scene = toldRegion();
    scene.region.tell([write({}, "publishes")]);
    await scene.write.answer(false);
    expect(scene.region.events).toEqual([]);
    const reading = aReading();
    await scene.read.answer(reading);
    expect(scene.region.events).toEqual([{ kind: "reading", reading }]);
    expect(scene.logged()).toEqual(["status-refused"]);
  });

  test("is logged, but for a publication that succeeds", async () => {
    const scene = toldRegion();
    scene.region.tell([write({}, "publishes")]);
    await scene.write.answer(true);
    expect(scene.logged()).toEqual([]);
    scene.region.tell([write({}, "releases")]);
    await scene.write.answer(false);
    expect(scene.logged()).toEqual(["status-refused"]);
  });

  test.each([
    ["the wall clock's time where its position has none", 0, WALL],
    ["the position's own time, which was published before", 4_000_000, 4_000_000],
  ])("has %s", (_name, wallMillis, written) => {
    const scene = toldRegion();
    const position = { node: "a", mark: NO_MARK, lsn: 7, wallMillis };
    scene.region.tell([write({ position })]);
    expect(scene.write.asked).toEqual([{ ...status, position: { ...position, wallMillis: written } }]);
  });
});

describe("the highest epoch, and the cluster's name", () => {
  const forget: RegionAction = {
    kind: "forget-cluster",
    nameMod: "7",
    expect: { configMod: "2", epochMod: "3" },
    reason: "no node has data",
  };

  test.each([
    ["raised", { kind: "raise-epoch", epoch: 4, expectMod: "3" } as const, "epoch-raised"],
    ["forgotten", forget, "cluster-forgotten"],
  ])("is %s once at a time; the log says only what etcd accepted", async (_name, action, event) => {
    const { region, etcd, answer, logged } = toldRegion();
    region.tell([action]);
    region.tell([action]);
    expect(etcd.asked).toHaveLength(1);
    await etcd.answer(answer(false));
    expect(logged()).toEqual([]);
    region.tell([action]);
    expect(etcd.asked).toHaveLength(2);
    await etcd.answer(answer(true));
    expect(logged()).toEqual([event]);
  });
});

describe("a change of role", () => {
  const known = () => {
    const scene = toldRegion();
    const view = aView(scene.time.now());
    scene.half.onView({ ...view, region: { ...view.region, config: '{"ttl":20}' } });
    expect(scene.region.reported()).toEqual(["view"]);
    return scene;
  };

  test("is requested until its deadline, and not after", async () => {
    const { region, etcd, time, answer, logged } = known();
    region.tell([change(time.now())]);
    await turns();
    expect(etcd.asked[0]?.compare).toContainEqual({ key: keys.config, mod: "2" });
    await etcd.answer(answer(true));
    expect(logged()).toEqual(["role-changed"]);
    region.tell([change(time.now() - 1)]);
    await turns();
    expect(etcd.asked).toHaveLength(1);
  });

  test("that etcd refuses is logged as refused", async () => {
    const { region, etcd, time, answer, logs } = known();
    region.tell([change(time.now())]);
    await turns();
    await etcd.answer(answer(false));
    expect(logs).toEqual([
      [
        "role-change-refused",
        expect.objectContaining({ reason: expect.stringMatching(/keys changed first/) }),
      ],
    ]);
  });

  test("is not requested before Patroni's configuration is known", async () => {
    const { region, etcd, time, logged } = toldRegion();
    region.tell([change(time.now())]);
    await turns();
    expect(etcd.asked).toEqual([]);
    expect(logged()).toEqual([]);
  });

  test("waits for a close under way, and for nothing else", async () => {
    const { region, etcd, read, shut, time } = known();
    region.tell([readClaims, close, change(time.now())]);
    await turns();
    expect(etcd.asked).toEqual([]);
    expect(read.asked).toHaveLength(1);
    await shut.answer();
    expect(etcd.asked).toHaveLength(1);
  });

  test("does not wait for a reading that began after the last close", async () => {
    const { region, etcd, shut, time } = known();
    region.tell([close]);
    await shut.answer();
    region.tell([readClaims, change(time.now())]);
    await turns();
    expect(etcd.asked).toHaveLength(1);
  });
});

describe("a mark in the log", () => {
  const mark: RegionAction = { kind: "mark-log", mark: { epoch: 3, timeline: 2 } };

  test("is looked for at once after PostgreSQL has committed it", async () => {
    const scene = toldRegion();
    scene.region.tell([mark]);
    expect(scene.mark.asked).toEqual([{ epoch: 3, timeline: 2 }]);
    await turns();
    expect(scene.end.asked).toEqual([]);
    await scene.mark.answer();
    expect(scene.end.asked).toEqual(["end"]);
    expect(scene.logged()).toEqual(["marked-log"]);
    await scene.end.answer(log);
    expect(scene.region.events).toEqual([{ kind: "log", log }]);
    scene.region.tell([mark]);
    await scene.mark.answer();
    // Though PostgreSQL was queried a moment ago.
    expect(scene.end.asked).toHaveLength(2);
  });

  test("is not said to be there where PostgreSQL isn't certain", async () => {
    const scene = toldRegion();
    scene.region.tell([mark]);
    await scene.mark.fail();
    expect(scene.end.asked).toEqual([]);
    expect(scene.logged()).toEqual(["mark-log-failed"]);
  });
});
