/** The leader's loop: how often it asks etcd and Patroni. */
import { describe, expect, test } from "vitest";
import { turns } from "../fakes/ports.js";
import { kv, outcome, toldGuard } from "../fakes/told-guard.js";
import { aView } from "../fakes/view.js";
import { config, keys } from "./site.js";

const leaderLease = { ...config.leaderLease, renewMillis: 400 };
/** This node leads and serves: a tick each 400 ms, and a query to Patroni each 800 ms. */
const settled = (at: number) => ({
  openAs: "leader" as const,
  view: aView(at, {
    leader: { value: "a", create: "5", mod: "5", lease: "1" },
    heartbeat: { beat: { node: "a", state: "held", term: "5", timeline: 1, system: "1" }, mod: "9" },
  }),
});
const read = { kind: "read", withTtl: false } as const;

function running() {
  const scene = toldGuard({ leaderLease });
  scene.guard.tell([], settled(scene.time.now()));
  void scene.guard.run();
  return scene;
}

describe("the loop", () => {
  test("decides once for each interval of renewal", async () => {
    const { guard, time } = running();
    await time.pass(4 * 400 - 1);
    expect(guard.reported()).toEqual(["tick", "tick", "tick", "tick"]);
    expect(time.sleeping).toEqual([1]);
  });

  test("does not repeat a request to etcd while one is under way, and goes on after it", async () => {
    const { guard, time, etcd } = running();
    await turns();
    guard.tell([read]);
    guard.reported();
    await time.pass(1_200);
    expect(guard.reported()).toEqual([]);
    await etcd.answer(outcome(true, [[], []]));
    expect(guard.reported()).toEqual(["view"]);
    await time.pass(400);
    expect(guard.reported()).toEqual(["tick"]);
  });

  test("makes up for what a turn has taken, but rests for 5 ms at least", async () => {
    const { guard, time } = running();
    let takes = 150;
    const slow = (event: Parameters<typeof guard.feed>[0]) => {
      time.standStill(takes);
      return Object.getPrototypeOf(guard).feed.call(guard, event);
    };
    Object.assign(guard, { feed: slow });
    await time.pass(400);
    expect(time.sleeping).toEqual([400 - 150]);
    takes = 500;
    await time.pass(250);
    expect(time.sleeping).toEqual([5]);
  });

  test("ends with the guard", async () => {
    const { guard, time, close } = running();
    await time.pass(400);
    guard.reported();
    void guard.stop();
    await close.answer();
    await time.pass(2_000);
    expect(guard.reported()).toEqual([]);
    expect(time.sleeping).toEqual([]);
  });
});

describe("Patroni on this node", () => {
  const answer = { startedAt: 1, role: "primary", timeline: 1, ancestors: [], holdsLock: true } as const;

  test("is queried every second interval, at this node's address, for 1 s", async () => {
    const { guard, time, local } = running();
    for (let i = 0; i < 8; i++) {
      await local.answer(answer);
      await time.pass(i === 0 ? 399 : 400);
    }
    expect(local.asked).toEqual(Array.from({ length: 4 }, () => ["10.0.0.1", 1000]));
    expect(guard.events.filter(({ kind }) => kind === "local")).toHaveLength(4);
    expect(guard.events).toContainEqual({ kind: "local", local: answer });
  });

  test("is not queried again before it has answered, and then is", async () => {
    const { guard, time, local } = running();
    await time.pass(4_000);
    expect(local.asked).toHaveLength(1);
    await local.answer(undefined);
    expect(guard.reported()).not.toContain("local");
    await time.pass(800);
    expect(local.asked).toHaveLength(2);
  });

  test("is queried again after it has failed, which the log says", async () => {
    const { time, local, logged } = running();
    await turns();
    await local.fail();
    expect(logged()).toEqual(["start", "patroni-silent"]);
    await time.pass(800);
    expect(local.asked).toHaveLength(2);
  });
});

describe("what the guard keeps of etcd's keys", () => {
  const leader = kv(keys.leader, "b", "5");
  const heartbeat = { node: "b", state: "held", term: "5", timeline: 1, system: "1" };
  const beat = kv(keys.heartbeat, JSON.stringify(heartbeat), "6");

  test("grows by what has changed; after a deletion it reads all", async () => {
    const { guard, time, etcd } = toldGuard();
    const first = guard.read();
    await etcd.answer(outcome(true, [[leader], [beat]]));
    expect(await first).toMatchObject({ leader: { value: "b" }, startedAt: time.now() });
    expect(etcd.asked[0]?.success).toEqual([
      { range: keys.patroni, prefix: true },
      { range: keys.guard, prefix: true },
    ]);

    const second = guard.read();
    time.standStill(30);
    const news = [[], [kv(keys.heartbeat, JSON.stringify({ ...heartbeat, term: "7" }), "41")]];
    await etcd.answer({ ...outcome(true, news, "41"), counts: [1, 1] });
    expect(await second).toMatchObject({
      leader: { value: "b" },
      heartbeat: { beat: { term: "7" }, mod: "41" },
      startedAt: time.now() - 30,
      endedAt: time.now(),
    });
    expect(etcd.asked[1]?.success).toEqual([
      { range: keys.patroni, prefix: true, after: "40" },
      { range: keys.guard, prefix: true, after: "40" },
    ]);

    const third = guard.read();
    await etcd.answer({ ...outcome(true, [[], []], "42"), counts: [0, 1] });
    expect(etcd.asked[2]?.success).toMatchObject([{ after: "41" }, { after: "41" }]);
    await etcd.answer(outcome(true, [[], [beat]], "43"));
    expect((await third).leader).toBeUndefined();
    expect(etcd.asked[3]?.success).toEqual(etcd.asked[0]?.success);
  });
});
