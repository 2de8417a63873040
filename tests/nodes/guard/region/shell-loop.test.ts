/** The region's loop, what it makes of time that has passed, and what the leader's half is allowed. */
import { describe, expect, test } from "vitest";
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import { initialState, type Local } from "../../../../nodes/guard/leader/leader-facts.js";
import { SHUT_GATE } from "../../../../nodes/guard/region/region.js";
import { HELD_UP_MILLIS } from "../../../../nodes/guard/region/region-decision.js";
import { NO_MARK, NO_STATUS, type OwnData, type Role } from "../../../../nodes/guard/region/region-facts.js";
import { turns } from "../fakes/ports.js";
import { aReading, aRegionView, toldRegion } from "../fakes/told-region.js";
import { aView } from "../fakes/view.js";
import { config } from "../leader/site.js";

const data: OwnData = { slots: [], records: [], patroniRuns: true };
const log = { startedAt: 1, isPrimary: true, timeline: 1, mark: NO_MARK, lsn: 1 };

describe("before its first word the region's half allows", () => {
  test("nothing", () => {
    expect(toldRegion().gates).toEqual([]);
    expect(Object.values(SHUT_GATE).filter(Boolean)).toEqual([]);
  });

  test.each(["primary", "standby_leader", "replica"] as const)(
    "a %s no port, and Patroni no etcd",
    (role) => {
      const local: Local = {
        startedAt: 100,
        role,
        timeline: 1,
        ancestors: [],
        holdsLock: role !== "replica",
      };
      const before = { ...initialState(0, false, SHUT_GATE), local };
      for (const leader of ["a", "b"])
        for (const event of [
          {
            kind: "renewed",
            view: aView(100, { leader: { value: leader, create: "5", mod: "5", lease: "1" } }),
            opens: true,
          },
          {
            kind: "view",
            view: aView(100, { leader: { value: leader, create: "5", mod: "5", lease: "1" } }),
          },
        ] as const)
          expect(
            decide(config, before, event, 120).actions.filter(({ kind }) => ["open", "admit"].includes(kind)),
          ).toEqual([]);
    },
  );
});

describe("the region's loop", () => {
  test("has a turn each 100 ms until it is stopped", async () => {
    const { region, time, end } = toldRegion();
    void region.run();
    await turns();
    expect(time.sleeping).toEqual([100]);
    await time.pass(300);
    expect(region.events).toEqual(
      Array.from({ length: 4 }, () => ({ kind: "tick", heldUpUntil: undefined })),
    );
    expect(end.asked).toHaveLength(1);
    region.stop();
    await time.pass(300);
    expect(region.events).toHaveLength(4);
    expect(time.sleeping).toEqual([]);
  });

  test.each([
    ["each 400 ms", {}, 400],
    [
      "each 400 ms while this node leads and its lease runs",
      { view: aRegionView({ term: "5" }), permitUntil: 1e9 },
      400,
    ],
    ["each 400 ms without a lease on a node that doesn't lead", { view: aRegionView(), permitUntil: 0 }, 400],
    [
      "each 100 ms while this node leads without a lease",
      { view: aRegionView({ term: "5" }), permitUntil: 0 },
      100,
    ],
  ])("queries PostgreSQL %s", async (_name, state, millis) => {
    const { region, time, end } = toldRegion();
    region.tell([], state);
    void region.run();
    for (let i = 0; i < 24; i++) {
      await end.answer(log);
      await time.pass(100);
    }
    // At 2,400 ms the loop has asked once more.
    expect(end.asked).toHaveLength(2_400 / millis + 1);
    expect(region.events).toContainEqual({ kind: "log", log });
  });

  test("queries PostgreSQL soon from the moment at which the lease ends", async () => {
    const { region, time, end } = toldRegion();
    region.tell([], { view: aRegionView({ term: "5" }), permitUntil: time.now() + 100 });
    void region.run();
    await end.answer(log);
    await time.pass(99);
    expect(end.asked).toHaveLength(1);
    await time.pass(1);
    expect(end.asked).toHaveLength(2);
  });

  test("queries PostgreSQL once at a time, and again after a failure", async () => {
    const { region, time, end, logged } = toldRegion();
    void region.run();
    await time.pass(2_000);
    expect(end.asked).toHaveLength(1);
    await end.fail();
    expect(logged()).toEqual(["ask-postgres-failed"]);
    expect(region.readFailures).toBe(0);
    await time.pass(100);
    expect(end.asked).toHaveLength(2);
  });

  test("does not query PostgreSQL sooner again after a mark", async () => {
    const { region, time, end, mark } = toldRegion();
    region.tell([], { view: aRegionView({ term: "5" }), permitUntil: 0 });
    void region.run();
    await end.answer(log);
    await time.pass(30);
    region.tell([{ kind: "mark-log", mark: { epoch: 3, timeline: 2 } }]);
    await mark.answer();
    await end.answer(log);
    await time.pass(70);
    expect(end.asked).toHaveLength(2);
    await time.pass(100);
    expect(end.asked).toHaveLength(3);
  });
});

describe("a turn that comes late", () => {
  const lateBy = async (millis: number) => {
    const scene = toldRegion();
    void scene.region.run();
    await turns();
    scene.region.reported();
    scene.time.standStill(millis);
    return scene;
  };

  test("counts as held up until now, from 1.5 s on", async () => {
    const { region, time } = await lateBy(HELD_UP_MILLIS);
    await time.pass(0);
    expect(region.events).toEqual([{ kind: "tick", heldUpUntil: undefined }]);
    region.reported();
    time.standStill(HELD_UP_MILLIS + 1);
    await time.pass(0);
    expect(region.events).toEqual([{ kind: "tick", heldUpUntil: time.now() }]);
  });

  test("is caught up with before an answer that was under way counts", async () => {
    const { region, time } = await lateBy(HELD_UP_MILLIS + 1);
    region.learn({ kind: "data", data });
    expect(region.events).toEqual([
      { kind: "tick", heldUpUntil: time.now() },
      { kind: "data", data },
    ]);
    region.reported();
    region.learn({ kind: "data", data });
    expect(region.events).toEqual([{ kind: "data", data }]);
  });

  test("is not late before", async () => {
    const { region } = await lateBy(HELD_UP_MILLIS);
    region.learn({ kind: "data", data });
    expect(region.events).toEqual([{ kind: "data", data }]);
  });

  test("is not late before the loop runs", () => {
    const { region, time } = toldRegion();
    time.standStill(HELD_UP_MILLIS + 1);
    region.learn({ kind: "data", data });
    expect(region.events).toEqual([{ kind: "data", data }]);
  });
});

describe("the leader's half learns", () => {
  const standby: Role = { kind: "standby", source: { kind: "region" } };
  /** What this node served in epoch 1, after which the other region has opened 2. */
  const unsaved = {
    reading: aReading({
      own: 1,
      peer: 2,
      mine: { ...NO_STATUS, opened: 1 },
      theirs: { ...NO_STATUS, opened: 2 },
    }),
    data: {
      ...data,
      isStandby: false,
      timeline: 7,
      slots: [{ name: "dr_diverged_e1_t7_5", epoch: 1, timeline: 7, database: 5 }],
    },
  };

  test.each([
    ["primary", { kind: "primary" } as Role, {}, { isStandby: false, standsAside: false }],
    ["standby", standby, {}, { isStandby: true, standsAside: false }],
    ["standby with unsaved data", standby, unsaved, { isStandby: true, standsAside: true }],
    [
      "primary with unsaved data",
      { kind: "primary" } as Role,
      unsaved,
      { isStandby: false, standsAside: false },
    ],
    ["region without a role", undefined, unsaved, { isStandby: false, standsAside: false }],
  ])("that it is a %s", (_name, role, state, gate) => {
    const { region, gates } = toldRegion();
    region.tell([], { ...state, view: aRegionView({ role }), permitUntil: 77 });
    expect(gates.at(-1)?.[0]).toMatchObject({ ...gate, writesUntil: 77 });
  });

  test("what each view of etcd says", () => {
    const { region, half } = toldRegion();
    half.onView(aView(9, { region: { config: "{}", configMod: "4", epoch: 3, epochMod: "5" } }));
    expect(region.events).toMatchObject([
      { kind: "view", view: { configMod: "4", epoch: 3, epochMod: "5" } },
    ]);
  });
});
