import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keysOf, readAll } from "../../../../nodes/guard/leader/leader-keys.js";
import { newer, type Picture, readAfter } from "../../../../nodes/guard/leader/picture.js";
import { SimEtcd } from "../sim/etcd.js";

const keys = keysOf({ namespace: "/dr/", scope: "home" });
const NAMES = [
  keys.leader,
  keys.sync,
  keys.config,
  keys.member("a"),
  keys.member("b"),
  keys.heartbeat,
  keys.epoch,
];

const name = fc.constantFrom(...NAMES, "/elsewhere");
const change = fc.oneof(
  fc.record({ put: name, value: fc.string({ maxLength: 3 }) }),
  fc.record({ delete: name }),
);

const sorted = (ranges: Picture["ranges"]) =>
  ranges.map((range) => [...range].sort((a, b) => (a.key < b.key ? -1 : 1)));

describe("what changes kept up", () => {
  test("is what a whole reading finds", () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 12 }), (rounds) => {
        const etcd = new SimEtcd(() => 0);
        let picture: Picture | undefined;
        for (const changes of rounds) {
          for (const one of changes) etcd.transact([], [one], []);
          picture =
            newer(picture, etcd.transact([], readAfter(keys, picture), [])) ??
            newer(undefined, etcd.transact([], readAfter(keys), []));
          const whole = etcd.transact([], readAll(keys), []);
          expect(sorted(picture?.ranges ?? [])).toEqual(sorted(whole.ranges));
          expect(picture?.revision).toBe(whole.revision);
        }
      }),
      { numRuns: 2000 },
    );
  });

  const etcd = new SimEtcd(() => 0);
  for (const put of NAMES) etcd.transact([], [{ put, value: "1" }], []);
  const before = newer(undefined, etcd.transact([], readAfter(keys), [])) as Picture;
  const ask = () => etcd.transact([], readAfter(keys, before), []);

  test("carries only what is new", () => {
    etcd.transact([], [{ put: keys.heartbeat, value: "2" }], []);
    expect(ask().ranges.flat()).toEqual([expect.objectContaining({ key: keys.heartbeat, value: "2" })]);
  });

  test("keeps what has not changed, without another reading", () => {
    const picture = newer(before, ask()) as Picture;
    expect(picture.ranges[0]).toBe(before.ranges[0]);
    const values = picture.ranges[1]?.map(({ key, value }) => [key, value]);
    expect(values).toHaveLength(2);
    expect(values).toContainEqual([keys.heartbeat, "2"]);
    expect(values).toContainEqual([keys.epoch, "1"]);
    const nothing = etcd.transact([], readAfter(keys, picture), []);
    expect(nothing.revision).toBe(picture.revision);
    const same = newer(picture, nothing) as Picture;
    expect(same.ranges.map((range, i) => range === picture.ranges[i])).toEqual([true, true]);
  });

  test("asks for all again after a key has gone", () => {
    etcd.transact([], [{ delete: keys.leader }], []);
    expect(newer(before, ask())).toBeUndefined();
  });

  test("discards the old picture when the cluster was rebuilt", () => {
    etcd.transact([], [{ put: keys.leader, value: "1" }], []);
    expect(newer(before, ask())).toBeDefined();
    expect(newer(before, { ...ask(), cluster: "2" })).toBeUndefined();
    expect(newer(before, { ...ask(), revision: "1" })).toBeUndefined();
  });
});
