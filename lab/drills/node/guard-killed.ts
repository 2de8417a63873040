import type { Drill } from "../drill.js";
import { measureLeaderChanges } from "../evidence.js";
import { guardStatus } from "../guards.js";
import { mainPid } from "../units.js";

export const guardKilled: Drill = {
  name: "guard-killed",
  title: "The leader's guard is killed",
  runbook: "guard-down.md",
  hypothesis:
    "Its unit starts it again in 0.2 s, and it renews the lease that the kernel has kept meanwhile. The leader stays; clients notice nothing.",
  expect: { writeGapSeconds: 6, rejoinSeconds: 60 },
  async run(scene) {
    const before = await scene.whole();
    const leader = await scene.leader();
    const first = await mainPid(leader, "dr-guard");
    await scene.fault(`kill -9 the guard of ${leader.name}`, () => leader.signal("dr-guard", "SIGKILL"));
    const second = await scene.step("Detect: its unit has started it again", () =>
      scene.eventually("another process", async () => {
        const pid = await mainPid(leader, "dr-guard");
        return pid !== first && pid;
      }),
    );
    scene.prove(`the guard is another process: ${first} before, ${second} now`, first !== second);
    await scene.step("Verify: the guard answers again", () =>
      scene.eventually(`an answer of the guard on ${leader.name}`, () => guardStatus(scene, leader)),
    );
    const away = scene.sinceFault();
    scene.measure({ name: "time without an answer of the guard", value: away, unit: "s" });
    // A machine so busy that its guard takes a lease's time to start has lost its lease, and rightly so.
    const inTime = away < scene.settings.failover.leaderLeaseSeconds / 2;
    await scene.step("Verify: writes go on", async () => {
      const node = await scene.writesFlow();
      if (inTime && node !== leader.address)
        throw new Error(`writes are acknowledged by ${node}, not by ${leader.name}`);
    });
    await measureLeaderChanges(scene, before, inTime ? 0 : 1);
    await scene.step("Verify: every node is in sync", () => scene.whole());
  },
};
