/** What the guard reads from etcd's keys, and the exact transactions on them: each compare keeps one bad interleaving out. */
import { describe, expect, test } from "vitest";
import type { Beat, Key, View } from "../../../../nodes/guard/leader/leader-facts.js";
import {
  confession,
  handover,
  keysOf,
  readAll,
  renewal,
  renewedView,
  takeover,
  unmarking,
  viewOf,
} from "../../../../nodes/guard/leader/leader-keys.js";
import { kv } from "../fakes/told-guard.js";
import { aView } from "../fakes/view.js";

const keys = keysOf({ namespace: "/s/", scope: "x" });
const beat: Beat = { node: "a", state: "held", term: "5", timeline: 1, system: "1" };
const leader: Key = { value: "a", create: "5", mod: "6", lease: "12" };
const sync: Key = { value: '{"leader":"a"}', create: "3", mod: "8", lease: "0" };
const expected = { leader, heartbeatMod: "9" };
const all = [
  { range: "/s/x/", prefix: true },
  { range: "/s/guard/x/", prefix: true },
];
const times = { startedAt: 10, endedAt: 20 };

describe("a view", () => {
  const patroni = [
    kv("/s/x/initialize", "42", "3"),
    kv("/s/x/leader", "a", "5", "12"),
    kv("/s/x/config", '{"retry_timeout":4}', "2"),
    kv("/s/x/members/a", "{}", "6", "12"),
    kv("/s/x/members/b", '{"role":"replica"}', "7", "13"),
    kv("/s/x/sync", sync.value, "8"),
  ];
  const guards = [
    kv("/s/guard/x/extent", '{"of":3}', "11"),
    kv("/s/guard/x/epoch", "3", "10"),
    kv("/s/guard/x/heartbeat", JSON.stringify(beat), "12"),
    kv("/s/guard/x/opening", '{"epoch":3}', "13"),
  ];

  test("has each key, by its own name", () => {
    const key = (value: string, revision: string, lease = "0") => ({
      value,
      create: revision,
      mod: revision,
      lease,
    });
    expect(viewOf(keys, [patroni, guards], times)).toEqual({
      ...times,
      leader: key("a", "5", "12"),
      sync: key(sync.value, "8"),
      initialize: "42",
      initializeMod: "3",
      forgetMillis: 9_500,
      members: { a: key("{}", "6", "12"), b: key('{"role":"replica"}', "7", "13") },
      heartbeat: { beat, mod: "12" },
      region: {
        config: '{"retry_timeout":4}',
        configMod: "2",
        epoch: 3,
        epochMod: "10",
        extent: { of: 3 },
        opening: { epoch: 3 },
      },
    });
  });

  test.each([{ ranges: [] }, { ranges: [[], []] }])("of an empty etcd has no key: %o", ({ ranges }) => {
    expect(viewOf(keys, ranges, times)).toEqual({
      ...times,
      forgetMillis: 15_500,
      members: {},
      region: { configMod: "0", epoch: 0, epochMod: "0" },
    });
  });

  test("is parsed once for each answer", () => {
    const [one, two] = [0, 1].map(() => viewOf(keys, [patroni, guards], times)) as [View, View];
    expect(two.members).toBe(one.members);
    expect(viewOf(keys, [[...patroni], guards], times).members).not.toBe(one.members);
  });

  test("forgets for longer than Patroni's default where its configuration says nothing of use", () => {
    const forget = (config: string) => viewOf(keys, [[kv(keys.config, config)], []], times).forgetMillis;
    expect(["{}", "{", '{"retry_timeout":0}', '{"retry_timeout":-1}'].map(forget)).toEqual(
      Array(4).fill(15_500),
    );
    expect(forget('{"retry_timeout":1}')).toBe(6_500);
  });
});

describe("a transaction that fails reads all keys", () => {
  test("of both halves", () => {
    expect(readAll(keys)).toEqual(all);
  });

  test("a renewal, which also reads what other guards may change", () => {
    expect(renewal(keys, { kind: "renew", expect: expected, beat, opens: true })).toEqual({
      compare: [
        { key: "/s/x/leader", value: "a" },
        { key: "/s/x/leader", create: "5" },
        { key: "/s/guard/x/heartbeat", mod: "9" },
      ],
      success: [
        { put: "/s/guard/x/heartbeat", value: JSON.stringify(beat) },
        { range: "/s/x/config" },
        { range: "/s/guard/x/", prefix: true },
      ],
      failure: all,
    });
  });

  test("a confession, which changes only the heartbeat that the guard has seen", () => {
    expect(confession(keys, { kind: "confess", heartbeatMod: "9", beat })).toEqual({
      compare: [{ key: "/s/guard/x/heartbeat", mod: "9" }],
      success: [{ put: "/s/guard/x/heartbeat", value: JSON.stringify(beat) }],
      failure: all,
    });
  });

  const robbing = (of: Key | undefined) =>
    ({ kind: "take-over", expect: { ...expected, sync: of }, beat, mark: false, waitedMillis: 1 }) as const;
  const put = { put: "/s/guard/x/heartbeat", value: JSON.stringify(beat) };

  test("a takeover, which rewrites the sync key as it is", () => {
    expect(takeover(keys, robbing(sync))).toEqual({
      compare: [
        { key: "/s/x/leader", mod: "6" },
        { key: "/s/guard/x/heartbeat", mod: "9" },
        { key: "/s/x/sync", mod: "8" },
      ],
      success: [put, { put: "/s/x/sync", value: sync.value }, { delete: "/s/x/leader" }],
      failure: all,
    });
  });

  test("a takeover of a cluster that is not synchronous, with a marker", () => {
    expect(takeover(keys, robbing(undefined), { value: "guard-marker:b:1", lease: "77" })).toEqual({
      compare: [
        { key: "/s/x/leader", mod: "6" },
        { key: "/s/guard/x/heartbeat", mod: "9" },
        { key: "/s/x/sync", mod: "0" },
      ],
      success: [put, { put: "/s/x/leader", value: "guard-marker:b:1", lease: "77" }],
      failure: all,
    });
  });

  const candidate = { name: "b", session: "13" };
  const view = aView(1, { leader, heartbeat: { beat, mod: "9" } });

  test("a handover, which confesses too", () => {
    const closed = { put: "/s/guard/x/heartbeat", value: JSON.stringify({ ...beat, state: "closed" }) };
    const moved = { put: "/s/x/leader", value: "b", lease: "13" };
    const compare = (mod: string) => [
      { key: "/s/x/leader", value: "a" },
      { key: "/s/x/leader", create: "5" },
      { key: "/s/guard/x/heartbeat", mod: "9" },
      { key: "/s/x/sync", mod },
      { key: "/s/x/members/b", lease: "13" },
    ];
    expect(handover(keys, { ...view, sync }, candidate)).toEqual({
      compare: compare("8"),
      success: [moved, closed, { put: "/s/x/sync", value: sync.value }],
      failure: all,
    });
    expect(handover(keys, view, candidate)).toEqual({
      compare: compare("0"),
      success: [moved, closed],
      failure: all,
    });
  });

  test.each([{ leader: undefined }, { heartbeat: undefined }])("a handover of %o is none", (without) => {
    expect(() => handover(keys, { ...view, ...without }, candidate)).toThrow("no leader key or no heartbeat");
  });
});

test("the removal of a marker removes no other", () => {
  expect(unmarking(keys, "guard-marker:b:1")).toEqual({
    compare: [{ key: "/s/x/leader", value: "guard-marker:b:1" }],
    success: [{ delete: "/s/x/leader" }],
    failure: [],
  });
});

describe("the view after a renewal", () => {
  const before = aView(1, { members: { b: leader }, forgetMillis: 9_500 });
  const order = { kind: "renew", expect: expected, beat, opens: true } as const;

  test("has the written heartbeat, and what other guards have changed", () => {
    const ranges = [
      [],
      [kv(keys.config, '{"retry_timeout":6}', "33")],
      [kv(keys.epoch, "4", "34"), kv(keys.heartbeat, "{}", "40")],
    ];
    expect(renewedView(keys, before, order, { revision: "40", ranges }, times)).toEqual({
      ...before,
      ...times,
      leader,
      heartbeat: { beat, mod: "40" },
      forgetMillis: 11_500,
      region: {
        config: '{"retry_timeout":6}',
        configMod: "33",
        epoch: 4,
        epochMod: "34",
        extent: undefined,
        opening: undefined,
      },
    });
  });

  test.each([{ ranges: [] }, { ranges: [[], [], []] }])("of an etcd without these keys: %o", ({ ranges }) => {
    const view = renewedView(keys, before, order, { revision: "40", ranges }, times);
    expect(view.region).toEqual({ configMod: "0", epoch: 0, epochMod: "0" });
    expect(view.forgetMillis).toBe(15_500);
    expect(view.members).toBe(before.members);
  });
});
