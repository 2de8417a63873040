/** The keeper's times: how often it reads the volume, updates slots, and asks for a save, and what it says. */
import { describe, expect, test } from "vitest";
import { Keeper } from "../../../../nodes/guard/region/keeper.js";
import {
  initialRegionState,
  NO_STATUS,
  type OwnData,
  type RegionState,
  type SaveRecord,
} from "../../../../nodes/guard/region/region-facts.js";
import { Port, Time, turns } from "../fakes/ports.js";
import { log, reading } from "./situation.js";

const slot = { name: "dr_diverged_e1_t4_5", epoch: 1, timeline: 4, database: 5 };
const DATA: OwnData = { slots: [slot], isStandby: false, timeline: 4, records: [], patroniRuns: true };
const CLEAN: OwnData = { ...DATA, slots: [], isStandby: true };
const START_UNIT = "start --no-block dr-save-diverged.service";

function scene(first: OwnData, news: (now: number) => Partial<RegionState> = () => ({})) {
  const time = new Time();
  const calls: string[] = [];
  const logs: (readonly [string, Readonly<Record<string, unknown>> | undefined])[] = [];
  const keep = new Port<object, readonly string[]>();
  const drop = new Port<"drop", void>();
  const systemctl = new Port<string, string>();
  let data = first;
  let failing: "" | "read" | "request" = "";
  let learnt: OwnData | undefined;
  const region = {
    get state(): RegionState {
      return {
        ...initialRegionState(),
        reading: reading({
          own: 1,
          peer: 2,
          mine: { ...NO_STATUS, opened: 1 },
          theirs: { ...NO_STATUS, opened: 2 },
        }),
        log: log({ startedAt: time.now() }),
        ...(learnt && { data: learnt }),
        ...news(time.now()),
      };
    },
    learn: (event: { readonly kind: "data"; readonly data: OwnData }) => {
      calls.push(event.kind);
      learnt = event.data;
    },
  };
  const keeper = new Keeper(region, {
    clock: time,
    slots: { keep: (term) => keep.ask(term), dropAll: () => drop.ask("drop") },
    read: async () => {
      calls.push("read");
      if (failing === "read") throw new Error("made to fail");
      return data;
    },
    systemctl: (...words) => systemctl.ask(words.join(" ")),
    request: async (epoch) => {
      calls.push(`request ${epoch}`);
      if (failing === "request") throw new Error("made to fail");
    },
    log: (event, details) => void logs.push([event, details]),
  });
  /** A turn, after this time. */
  const tick = async (millis = 0) => {
    time.standStill(millis);
    await keeper.tick();
    await turns();
    return calls.splice(0);
  };
  return {
    keeper,
    time,
    keep,
    drop,
    systemctl,
    tick,
    logs,
    calls,
    logged: () => logs.splice(0).map(([event]) => event),
    become: (more: Partial<OwnData>) => {
      data = { ...data, ...more };
    },
    fail: (what: typeof failing) => {
      failing = what;
    },
    learnt: () => learnt,
  };
}
const serves = (now: number) => ({ permitUntil: now + 1 });

describe("the volume", () => {
  test("is read each half second", async () => {
    const { tick } = scene(CLEAN);
    expect(await tick()).toEqual(["read", "data"]);
    expect(await tick(499)).toEqual([]);
    expect(await tick(1)).toEqual(["read", "data"]);
  });

  test.each<[string, (now: number) => Partial<RegionState>, boolean]>([
    ["serves writes", serves, true],
    ["has no lease any more", (now) => ({ permitUntil: now }), false],
    ["is a standby", (now) => ({ ...serves(now), log: log({ isPrimary: false }) }), false],
    ["has no log", (now) => ({ ...serves(now), log: undefined as never }), false],
  ])("is read each ten seconds on a node that %s: only then", async (_name, news, isCalm) => {
    const { tick } = scene(CLEAN, news);
    await tick();
    expect((await tick(9_999)).length > 0).toBe(!isCalm);
    if (isCalm) expect(await tick(1)).toEqual(["read", "data"]);
  });

  test("that can't be read keeps nothing back, and is said once", async () => {
    const { tick, fail, learnt, logged } = scene(DATA);
    fail("read");
    await tick();
    await tick(500);
    expect(learnt()).toEqual({ slots: [], records: [], patroniRuns: true });
    expect(logged()).toEqual(["own-data-failed"]);
  });

  test("shows a save's record, which is said when it changes", async () => {
    const saving = (state: SaveRecord["state"]) => ({ records: [{ epoch: 1, state }] });
    const { tick, become, logged, logs } = scene({ ...CLEAN, ...saving("saving") });
    await tick();
    await tick(500);
    expect(logs).toEqual([["diverged", { epoch: 1, state: "saving" }]]);
    become(saving("saved"));
    await tick(500);
    expect(logged()).toEqual(["diverged", "diverged"]);
  });
});

describe("a save", () => {
  test("is requested again after 5 s, once the last order has been given", async () => {
    const { tick, systemctl, logged } = scene(DATA);
    expect(await tick()).toEqual(["read", "data", "request 1"]);
    expect(systemctl.asked).toEqual([START_UNIT]);
    await systemctl.answer("");
    expect(await tick(4_999)).not.toContain("request 1");
    expect(await tick(1)).toContain("request 1");
    expect(await tick(5_000)).not.toContain("request 1");
    await systemctl.answer("");
    expect(await tick(5_000)).toContain("request 1");
    expect(logged()).toEqual(["saves-diverged"]);
  });

  test.each<[string, SaveRecord[], number]>([
    ["has failed", [{ epoch: 1, state: "failed" }], 60_000],
    ["is under way", [{ epoch: 1, state: "saving" }], 5_000],
    ["has failed of another epoch", [{ epoch: 4, state: "failed" }], 5_000],
  ])("that %s is requested again after its time", async (_name, records, millis) => {
    const { tick, systemctl } = scene({ ...DATA, records });
    await tick();
    await systemctl.answer("");
    expect(await tick(millis - 1)).not.toContain("request 1");
    expect(await tick(1)).toContain("request 1");
  });

  test("that the vault lacks is requested again each minute; one that it has is not", async () => {
    const { tick, systemctl, become } = scene({
      ...DATA,
      records: [{ epoch: 1, state: "saved", uploaded: false }],
    });
    expect(await tick()).toContain("request 1");
    await systemctl.answer("");
    expect(await tick(59_999)).not.toContain("request 1");
    expect(await tick(1)).toContain("request 1");
    await systemctl.answer("");
    for (const uploaded of [true, undefined]) {
      become({ records: [{ epoch: 1, state: "saved", ...(uploaded && { uploaded }) }] });
      expect(await tick(120_000)).toEqual(["read", "data"]);
    }
  });

  test("that can't be ordered is said once, and again after one that could be", async () => {
    const { tick, systemctl, logged } = scene(DATA);
    await tick();
    await systemctl.fail();
    await tick(5_000);
    await systemctl.fail();
    expect(logged()).toEqual(["saves-diverged", "save-failed"]);
    await tick(5_000);
    await systemctl.answer("");
    await tick(5_000);
    await systemctl.fail();
    expect(logged()).toEqual(["save-failed"]);
  });

  test("is not requested before the claims are known, nor requested again", async () => {
    for (const records of [[], [{ epoch: 1, state: "saved", uploaded: false } as const]]) {
      const { tick } = scene({ ...DATA, records }, () => ({ reading: undefined as never }));
      expect(await tick()).toEqual(["read", "data"]);
    }
  });

  test("is not ordered before its epoch is written", async () => {
    const { tick, systemctl, fail, logged } = scene(DATA);
    fail("request");
    await tick();
    expect(systemctl.asked).toEqual([]);
    expect(logged()).toEqual(["saves-diverged", "save-failed"]);
  });
});

describe("a Patroni that was stopped for a save", () => {
  const STOPPED: OwnData = { ...CLEAN, patroniRuns: false, records: [{ epoch: 1, state: "failed" }] };

  test.each([
    ["inactive", true],
    ["failed", true],
    ["activating", false],
    ["active", false],
  ])("starts again when the unit is %s: %s", async (unit, starts) => {
    const { tick, systemctl } = scene(STOPPED);
    await tick();
    expect(systemctl.asked).toEqual(["is-active dr-save-diverged.service"]);
    await systemctl.answer(`${unit}\n`);
    expect(systemctl.asked.slice(1)).toEqual(starts ? ["start --no-block patroni.service"] : []);
    await systemctl.answer("");
    await tick(4_999);
    expect(systemctl.asked.filter((each) => each.startsWith("is-active"))).toHaveLength(1);
    await tick(1);
    expect(systemctl.asked.filter((each) => each.startsWith("is-active"))).toHaveLength(2);
  });

  test("that can't be started is said to be so", async () => {
    const { tick, systemctl, logged } = scene(STOPPED);
    await tick();
    await systemctl.answer("inactive\n");
    await systemctl.fail();
    expect(logged()).toEqual(["diverged", "save-failed"]);
  });

  test.each<[string, Partial<OwnData>]>([
    ["runs", { patroniRuns: true }],
    ["has no record of a save", { records: [] }],
  ])("is left alone where it %s", async (_name, more) => {
    const { tick, systemctl } = scene({ ...STOPPED, ...more });
    await tick();
    expect(systemctl.asked).toEqual([]);
  });
});

describe("the slots of a node that serves", () => {
  test("are updated each ten seconds, one update at a time", async () => {
    const { tick, keep, logs } = scene(CLEAN, serves);
    await tick();
    expect(keep.asked).toEqual([{ epoch: 1, timeline: 4 }]);
    await tick(10_000);
    expect(keep.asked).toHaveLength(1);
    await keep.answer(["app"]);
    expect(logs).toEqual([["slots", { epoch: 1, timeline: 4, uncovered: ["app"] }]]);
    await tick(9_999);
    expect(keep.asked).toHaveLength(1);
    await tick(1);
    expect(keep.asked).toHaveLength(2);
  });

  test.each<[string, Partial<RegionState>]>([
    ["the claims are known", { reading: undefined as never }],
    ["its timeline is known", { log: log({ timeline: undefined }) }],
  ])("are not updated before %s", async (_name, more) => {
    const { tick, keep } = scene(CLEAN, (now) => ({ ...serves(now), ...more }));
    await tick();
    expect(keep.asked).toEqual([]);
  });
});

describe("slots that are left over", () => {
  const LEFT: OwnData = { ...CLEAN, slots: [slot], timeline: 5 };
  const standby = (age: number) => (now: number) => ({
    log: log({ isPrimary: false, startedAt: now - age }),
  });

  test("are dropped while PostgreSQL answers, each ten seconds", async () => {
    const { tick, drop, logged } = scene(LEFT, standby(999));
    await tick();
    expect(drop.asked).toHaveLength(1);
    await drop.answer();
    expect(logged()).toEqual(["slots-dropped"]);
    await tick(9_999);
    expect(drop.asked).toHaveLength(1);
    await tick(1);
    expect(drop.asked).toHaveLength(2);
  });

  test("are not dropped while PostgreSQL doesn't answer", async () => {
    const { tick, drop } = scene(LEFT, standby(1_000));
    await tick();
    expect(drop.asked).toEqual([]);
  });

  test("that can't be dropped are said to be so", async () => {
    const { tick, drop, logged } = scene(LEFT, standby(0));
    await tick();
    await drop.fail();
    expect(logged()).toEqual(["slots-failed"]);
  });
});

test("the keeper has a turn each half second, and goes on after one that fails", async () => {
  let isBroken = true;
  const { keeper, time, calls, logged } = scene(CLEAN, () => {
    if (isBroken) throw new Error("made to fail");
    return {};
  });
  void keeper.run();
  await turns();
  expect(time.sleeping).toEqual([500]);
  expect(logged()).toEqual(["keeper-failed"]);
  isBroken = false;
  await time.pass(500);
  expect(calls).toEqual(["read", "data"]);
});

test("the keeper's turns don't overlap", async () => {
  const time = new Time();
  const read = new Port<"read", OwnData>();
  const region = { state: initialRegionState(), learn: () => {} };
  const none = async () => "";
  const keeper = new Keeper(region, {
    clock: time,
    slots: { keep: async () => [], dropAll: async () => {} },
    read: () => read.ask("read"),
    systemctl: none,
    request: async () => {},
    log: () => {},
  });
  void keeper.run();
  await turns();
  expect(time.sleeping).toEqual([]);
  await read.answer(CLEAN);
  expect(time.sleeping).toEqual([500]);
});
