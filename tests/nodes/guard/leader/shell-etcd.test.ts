/** The leader's shell at etcd: what it sends for each action, what it makes of the answers, and in which order. */
import { describe, expect, test } from "vitest";
import type { Action, Beat, Key } from "../../../../nodes/guard/leader/leader-facts.js";
import { turns } from "../fakes/ports.js";
import { kv, outcome, toldGuard } from "../fakes/told-guard.js";
import { aView } from "../fakes/view.js";
import { config, keys } from "./site.js";

const held: Beat = { node: "a", state: "held", term: "5", timeline: 1, system: "1" };
const leader: Key = { value: "a", create: "5", mod: "6", lease: "12" };
const readKeys: Action = { kind: "read", withTtl: false };
const renew: Action = { kind: "renew", expect: { leader, heartbeatMod: "9" }, beat: held, opens: true };
const takeOver = (mark: boolean): Action => ({
  kind: "take-over",
  expect: { leader: { ...leader, value: "b" }, heartbeatMod: "9", sync: undefined },
  beat: { ...held, node: "b", state: "taken", session: "12" },
  mark,
  waitedMillis: 2300,
});
/** As `readAll` finds them: another node leads. */
const all = [
  [kv(keys.leader, "c", "30", "13")],
  [kv(keys.heartbeat, JSON.stringify({ ...held, node: "c" }), "31")],
];
const renewed = [[], [kv(keys.config, '{"retry_timeout":4}')], []];

describe("a transaction", () => {
  test.each([
    [true, 1, false],
    [true, 2, false],
    [true, 3, false],
    [false, 0, false],
    [false, 1, false],
    [false, 2, true],
    [false, 3, false],
  ])("has a view only where it failed and read all: succeeded %s with %i answers", async (...row) => {
    const [succeeded, answers, hasView] = row;
    const { guard, time, etcd } = toldGuard();
    const startedAt = time.now();
    const done = guard.transact({ compare: [], success: [], failure: [] });
    time.standStill(20);
    const ranges = Array.from({ length: answers }, (_, i) => all[i] ?? []);
    await etcd.answer(outcome(succeeded, ranges));
    const { view, ...rest } = await done;
    expect(rest).toEqual({ ...outcome(succeeded, ranges), startedAt, endedAt: startedAt + 20 });
    if (hasView) expect(view).toMatchObject({ leader: { value: "c" }, startedAt, endedAt: startedAt + 20 });
    else expect(view).toBeUndefined();
  });
});

describe("the queue", () => {
  test("sends one at a time, and of each kind only the newest", async () => {
    const { guard, etcd } = toldGuard();
    guard.tell([readKeys]);
    guard.tell([renew, takeOver(false)]);
    guard.tell([{ ...renew, expect: { leader, heartbeatMod: "10" } }]);
    await turns();
    expect(etcd.asked).toHaveLength(1);
    await etcd.answer(outcome(true, [[], []]));
    // In the place of the one that it replaces.
    expect(etcd.asked).toHaveLength(2);
    expect(etcd.asked[1]?.compare).toContainEqual({ key: keys.heartbeat, mod: "10" });
    await etcd.answer(outcome(false, all));
    await etcd.answer(outcome(false, all));
    expect(etcd.asked).toHaveLength(3);
    guard.tell([readKeys]);
    expect(etcd.asked).toHaveLength(4);
  });

  test("is not carried out any further once the guard has stopped", async () => {
    const { guard, etcd } = toldGuard();
    guard.tell([readKeys, renew]);
    void guard.stop();
    await etcd.answer(outcome(true, [[], []]));
    expect(etcd.asked).toHaveLength(1);
  });

  test.each([
    [39, []],
    [40, ["tick"]],
  ])("goes on at once after a failure that took a renewal's 40 ms: %i ms", async (millis, reported) => {
    const { guard, time, etcd, logged } = toldGuard();
    guard.tell([readKeys]);
    time.standStill(millis);
    await etcd.fail();
    expect(guard.reported()).toEqual(reported);
    expect(logged()).toEqual(["etcd-failed"]);
    guard.tell([readKeys]);
    expect(etcd.asked).toHaveLength(2);
  });

  test("has no renewal left when a switchover suspends it, though one waited", async () => {
    const { guard, etcd, close } = toldGuard();
    guard.tell([readKeys, renew]);
    let isSuspended = false;
    void guard.suspend().then(() => {
      isSuspended = true;
    });
    expect(guard.events).toEqual([{ kind: "handover", active: true }]);
    await turns();
    expect(close.asked).toEqual([]);
    await etcd.fail();
    expect(etcd.asked).toHaveLength(1);
    expect(close.asked).toEqual(["close"]);
    expect(isSuspended).toBe(false);
    await close.answer();
    expect(isSuspended).toBe(true);
    guard.reported();
    guard.resume();
    expect(guard.events).toEqual([{ kind: "handover", active: false }, { kind: "tick" }]);
  });
});

describe("a reading", () => {
  const off = { leaderLease: { ...config.leaderLease, enabled: false } };

  test.each([
    ["with its key's time to live", true, all, ["ttl 13"], 7],
    ["without it", false, all, [], undefined],
    ["with it where no node leads", true, [[], all[1] ?? []], [], undefined],
  ] as const)("%s", async (_name, withTtl, ranges, calls, leaderTtlSeconds) => {
    const scene = toldGuard(off);
    scene.guard.tell([{ kind: "read", withTtl }]);
    await scene.etcd.answer(outcome(true, ranges));
    expect(scene.calls).toEqual(calls);
    expect(scene.guard.events).toEqual([
      { kind: "view", view: expect.objectContaining({ leaderTtlSeconds }) },
    ]);
  });
});

describe("a renewal", () => {
  test("that etcd accepts counts from its start", async () => {
    const { guard, time, etcd, logged } = toldGuard();
    const startedAt = time.now();
    guard.tell([renew], { view: aView(startedAt - 100, { leader }) });
    time.standStill(30);
    await etcd.answer(outcome(true, renewed));
    expect(guard.events).toMatchObject([
      {
        kind: "renewed",
        opens: true,
        view: {
          startedAt,
          endedAt: startedAt + 30,
          heartbeat: { beat: held, mod: "40" },
          forgetMillis: 9500,
        },
      },
    ]);
    expect(logged()).toEqual([]);
  });

  test("that etcd refuses shows why, and counts for nothing", async () => {
    const { guard, time, etcd } = toldGuard();
    guard.tell([renew], { view: aView(time.now(), { leader }) });
    await etcd.answer(outcome(false, all));
    expect(guard.events).toMatchObject([{ kind: "view", view: { leader: { value: "c" } } }]);
  });
});

describe("a confession", () => {
  const closed: Beat = { ...held, state: "closed" };
  const confessing = async () => {
    const scene = toldGuard();
    scene.guard.tell([
      { kind: "close", reason: "another leads" },
      { kind: "confess", heartbeatMod: "9", beat: closed },
    ]);
    await scene.close.answer();
    return scene;
  };

  test("is one write of the heartbeat that the guard has seen", async () => {
    const { guard, etcd, logged } = await confessing();
    expect(etcd.asked).toMatchObject([
      {
        compare: [{ key: keys.heartbeat, mod: "9" }],
        success: [{ put: keys.heartbeat, value: JSON.stringify(closed) }],
      },
    ]);
    await etcd.answer(outcome(true, [[]]));
    expect(guard.events).toEqual([]);
    expect(logged()).toEqual([]);
  });

  test("that etcd refuses shows what has changed", async () => {
    const { guard, etcd } = await confessing();
    await etcd.answer(outcome(false, all));
    expect(guard.events).toMatchObject([{ kind: "view", view: { leader: { value: "c" } } }]);
  });
});

describe("a takeover", () => {
  test("without a marker deletes the leader key, and looks at what that left", async () => {
    const { guard, etcd, calls, logged, time } = toldGuard();
    guard.tell([takeOver(false)]);
    await turns();
    expect(calls).toEqual([]);
    expect(etcd.asked[0]?.success).toContainEqual({ delete: keys.leader });
    // As many answers as a full reading has: they are no view.
    await etcd.answer(outcome(true, [[], []]));
    expect(guard.reported()).toEqual([]);
    await etcd.answer(outcome(true, all));
    expect(guard.reported()).toEqual(["view", "tick"]);
    expect(time.sleeping).toEqual([]);
    expect(logged()).toEqual(["took-over"]);
  });

  test("with a marker leaves it for 600 ms from etcd's answer, on a lease of 2 s", async () => {
    const { guard, time, etcd, calls } = toldGuard();
    guard.tell([takeOver(true)]);
    await turns();
    expect(calls).toEqual(["grant 2"]);
    const put = etcd.asked[0]?.success.find((one) => "put" in one && one.put === keys.leader);
    expect(put).toEqual({
      put: keys.leader,
      value: expect.stringMatching(/^guard-marker:a:[0-9a-f]{8}$/),
      lease: "77",
    });
    time.standStill(20);
    await etcd.answer(outcome(true, [[], []]));
    expect(guard.events).toEqual([
      { kind: "marked", marker: (put as { value: string }).value, startedAt: time.now() },
    ]);
    expect(time.sleeping).toEqual([605]);
    await etcd.answer(outcome(true, all));
    expect(guard.reported()).toEqual(["marked", "view", "tick"]);
    await time.pass(605);
    expect(guard.reported()).toEqual(["tick"]);
  });

  test.each([false, true])(
    "that etcd refuses shows what has changed, and leaves it: marker %s",
    async (mark) => {
      const { guard, time, etcd, logged } = toldGuard();
      guard.tell([takeOver(mark)]);
      await turns();
      await etcd.answer(outcome(false, all));
      expect(guard.events).toMatchObject([{ kind: "view", view: { leader: { value: "c" } } }]);
      expect(etcd.asked).toHaveLength(1);
      expect(time.sleeping).toEqual([]);
      expect(logged()).toEqual(["take-over-refused"]);
    },
  );
});

describe("a marker", () => {
  test("is removed where it still stands; only then the guard looks at what that left", async () => {
    const { guard, etcd, logged } = toldGuard();
    guard.tell([{ kind: "unmark", marker: "guard-marker:a:1" }]);
    await turns();
    expect(etcd.asked).toEqual([
      {
        compare: [{ key: keys.leader, value: "guard-marker:a:1" }],
        success: [{ delete: keys.leader }],
        failure: [],
      },
    ]);
    await etcd.answer(outcome(true, [[]]));
    expect(logged()).toEqual(["unmarked"]);
    await etcd.answer(outcome(true, all));
    expect(guard.events).toMatchObject([{ kind: "view", view: { leader: { value: "c" } } }]);
  });

  test("that etcd did not remove is not said to be removed", async () => {
    const { guard, etcd, logged } = toldGuard();
    guard.tell([{ kind: "unmark", marker: "guard-marker:a:1" }]);
    await etcd.fail();
    expect(logged()).toEqual(["etcd-failed"]);
    expect(guard.reported()).toEqual([]);
  });
});

describe("a session", () => {
  test("is revoked, each by itself", async () => {
    const { guard, calls } = toldGuard();
    const sessions = ["12", "13", "14"];
    guard.tell(sessions.map((session) => ({ kind: "revoke", session })));
    await turns();
    expect(calls).toEqual(sessions.map((session) => `revoke ${session}`));
    expect(guard.events).toEqual(sessions.map((session) => ({ kind: "revoked", session })));
  });

  test("that etcd did not revoke is still to be revoked", async () => {
    const { guard, logged } = toldGuard({}, ["revoke"]);
    guard.tell([{ kind: "revoke", session: "12" }]);
    await turns();
    expect(guard.events).toEqual([]);
    expect(logged()).toEqual(["etcd-failed"]);
  });
});
