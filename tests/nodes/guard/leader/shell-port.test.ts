/** The leader's shell at the kernel: which actions open, close, admit and mute, and what counts as serving. */
import { describe, expect, test } from "vitest";
import { type Beat, type Local, OPEN_GATE } from "../../../../nodes/guard/leader/leader-facts.js";
import { turns } from "../fakes/ports.js";
import { toldGuard } from "../fakes/told-guard.js";
import { aView } from "../fakes/view.js";

const primary: Local = { startedAt: 0, role: "primary", timeline: 1, ancestors: [], holdsLock: true };
const opening = (until: number, as: "leader" | "replica" = "leader") =>
  [[{ kind: "open", until, as }], { openUntil: until, openAs: as, local: primary }] as const;

/** Serves writes for another second. */
function serving() {
  const scene = toldGuard();
  const until = scene.time.now() + 1_000;
  scene.guard.tell(...opening(until));
  return { ...scene, until };
}

describe("a node serves writes", () => {
  test("from its opening until its lease is over", () => {
    const { guard, time, calls, until } = serving();
    expect(calls).toEqual([`open ${until}`]);
    expect(guard.isActive).toBe(true);
    time.standStill(999);
    expect(guard.isActive).toBe(true);
    time.standStill(1);
    expect(guard.isActive).toBe(false);
  });

  test("only as a leader", () => {
    const { guard, time } = toldGuard();
    guard.tell(...opening(time.now() + 1_000, "replica"));
    expect(guard.isActive).toBe(false);
  });

  test("not once its decision says otherwise", () => {
    const { guard } = serving();
    guard.tell([], { openAs: "replica" });
    expect(guard.isActive).toBe(false);
  });

  test.each(["standby_leader", "replica"] as const)("not as a %s", (role) => {
    const { guard } = serving();
    guard.tell([], { local: { ...primary, role } });
    expect(guard.isActive).toBe(false);
  });

  test("not before Patroni has answered", () => {
    const { guard } = serving();
    guard.tell([], { local: undefined });
    expect(guard.isActive).toBe(false);
  });

  test("not while its region has shut its port, until it opens again", async () => {
    const { guard, close, until } = serving();
    let isShut = false;
    void guard.shut("the region says so").then(() => {
      isShut = true;
    });
    await turns();
    expect(guard.isActive).toBe(false);
    expect(isShut).toBe(false);
    await close.answer();
    expect(isShut).toBe(true);
    guard.tell(...opening(until));
    expect(guard.isActive).toBe(true);
  });

  test("not where the kernel has refused to open, which the log says", async () => {
    const { guard, time, logged } = toldGuard({}, ["open"]);
    guard.tell(...opening(time.now() + 1_000));
    await turns();
    expect(guard.isActive).toBe(false);
    expect(logged()).toEqual(["open-as-leader", "open-failed"]);
  });
});

describe("the port", () => {
  test("closes where the decision says so; the log tells each change once", async () => {
    const { guard, close, logged, until } = serving();
    guard.tell(...opening(until));
    expect(logged()).toEqual(["open-as-leader"]);
    guard.tell([{ kind: "close", reason: "another leads" }]);
    await close.answer();
    guard.tell([{ kind: "close", reason: "another leads" }]);
    expect(close.asked).toHaveLength(2);
    expect(guard.isActive).toBe(false);
    expect(logged()).toEqual(["closed"]);
  });

  test("may still be open where the kernel has refused to close it: the log says so each time", async () => {
    const { guard, close, logged } = serving();
    logged();
    for (let i = 0; i < 2; i++) {
      guard.tell([{ kind: "close", reason: "another leads" }]);
      await close.fail();
    }
    expect(logged()).toEqual(["closed", "close-failed", "closed", "close-failed"]);
  });

  test("closes at once when the region withdraws", () => {
    const { guard } = serving();
    guard.allow({ ...OPEN_GATE, writesUntil: 0 }, "a newer claim");
    expect(guard.events).toEqual([
      { kind: "gate", gate: { ...OPEN_GATE, writesUntil: 0 }, reason: "a newer claim" },
    ]);
  });
});

describe("a confession", () => {
  const beat: Beat = { node: "a", state: "closed", term: "4", timeline: 1, system: "1" };

  test("without a close in the same decision is not sent", async () => {
    const { guard, etcd } = toldGuard();
    guard.tell([{ kind: "confess", heartbeatMod: "9", beat }]);
    await turns();
    expect(etcd.asked).toEqual([]);
  });
});

describe("a guard that stops", () => {
  test("closes its port, waits for the kernel, and opens and admits no more", async () => {
    const { guard, close, calls, logged, until } = serving();
    let isDone = false;
    const done = guard.stop().then(() => {
      isDone = true;
    });
    await turns();
    expect(isDone).toBe(false);
    expect(calls).not.toContain("stop");
    await close.answer();
    await done;
    expect(calls).toEqual([`open ${until}`, "stop"]);
    guard.tell([{ kind: "admit", until }]);
    guard.tell(...opening(until));
    expect(calls).toEqual([`open ${until}`, "stop"]);
    expect(logged()).toEqual(["open-as-leader", "stop"]);
  });

  test("ends its kernel helper also where the kernel didn't close", async () => {
    const { guard, close, calls, logged } = toldGuard();
    const done = guard.stop();
    await close.fail();
    await done;
    expect(calls).toEqual(["stop"]);
    expect(logged()).toEqual(["close-failed", "stop"]);
  });
});

describe("Patroni", () => {
  test("is let to etcd until the time that the decision gives", () => {
    const { guard, calls } = toldGuard();
    guard.tell([{ kind: "admit", until: 5 }]);
    expect(calls).toEqual(["admit 5"]);
  });

  test("is shut out, which the log says once, with its reason", () => {
    const { guard, time, calls, logs } = toldGuard();
    guard.tell([{ kind: "shut-out" }], { forgetUntil: time.now() + 5_000 });
    guard.tell([]);
    expect(calls).toEqual(["shut-out"]);
    expect(logs).toEqual([["patroni-kept-from-etcd", expect.objectContaining({ forMillis: 5_000 })]]);
    expect(guard.reported()).toEqual([]);
  });

  test("counts as not shut out where the kernel has refused", async () => {
    const { guard } = toldGuard({}, ["shut-out"]);
    guard.tell([{ kind: "shut-out" }]);
    await turns();
    expect(guard.reported()).toEqual(["shut-out-failed"]);
  });

  test("of a silent leader is muted for 5 s; a node that is not a member has no address", async () => {
    const { guard, calls, logged } = toldGuard();
    guard.tell([{ kind: "mute", nodes: ["b", "unknown", "c"] }]);
    await turns();
    expect(calls).toEqual(["mute 10.0.0.2,10.0.0.3 5"]);
    expect(logged()).toEqual(["muted"]);
  });

  test("is not muted where the kernel has refused", async () => {
    const { guard, logged } = toldGuard({}, ["mute"]);
    guard.tell([{ kind: "mute", nodes: ["b"] }]);
    await turns();
    expect(logged()).toEqual(["mute-failed"]);
  });

  test("of a silent leader is probed at its own address, for 300 ms", async () => {
    const { guard, alive } = toldGuard();
    guard.tell([{ kind: "probe", node: "b" }]);
    guard.tell([{ kind: "probe", node: "unknown" }]);
    await turns();
    expect(alive.asked).toEqual([["10.0.0.2", 300]]);
    await alive.answer(true);
    expect(guard.events).toEqual([
      { kind: "probed", node: "unknown", alive: false },
      { kind: "probed", node: "b", alive: true },
    ]);
  });
});

describe("the region's half", () => {
  test("receives each view, and nothing else", () => {
    const { guard, time } = toldGuard();
    const views: unknown[] = [];
    guard.onView = (view) => void views.push(view);
    const [first, second] = [aView(time.now()), aView(time.now() + 1)];
    guard.feed({ kind: "tick" });
    guard.feed({ kind: "view", view: first });
    guard.feed({ kind: "local", local: primary });
    guard.feed({ kind: "renewed", view: second, opens: true });
    expect(views).toEqual([first, second]);
  });
});

describe("what a guard assumes at its start", () => {
  test.each([
    [undefined, false],
    [{ patroniIsOlder: false }, false],
    [{ patroniIsOlder: true }, true],
  ])("of a Patroni that may be older: %o", (start, isOlder) => {
    const { guard, time } = toldGuard({}, [], start);
    expect(guard.state.patroniIsOlder).toBe(isOlder);
    expect(guard.state.healthyAt).toBe(time.now());
    expect(guard.state.gate).toEqual(OPEN_GATE);
  });
});
