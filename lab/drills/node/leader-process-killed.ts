import { DATA_DIRECTORY } from "../../../nodes/layout.js";
import type { Drill } from "../drill.js";
import { sessionsBroke } from "../evidence.js";

/** The first line of postmaster.pid is the postmaster's process id. */
const PID_FILE = `${DATA_DIRECTORY}/postmaster.pid`;

export const leaderProcessKilled: Drill = {
  name: "leader-process-killed",
  title: "The leader's PostgreSQL is killed",
  runbook: "no-leader.md",
  hypothesis:
    "Patroni sees the crash in its next cycle, gives the leader key up at once (primary_start_timeout 0), and a synchronous replica takes over. No acknowledged row is lost; the node comes back as a replica by itself.",
  expect: { writeGapSeconds: 5, rejoinSeconds: 60 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`kill -9 the postmaster of ${old.name}`, () =>
      scene.must(old, ["sh", "-c", `kill -9 "$(head -1 ${PID_FILE})"`]),
    );
    const next = await scene.step("Detect: another node leads", () => scene.leaderOtherThan([old.name]));
    scene.prove(`the leader changed from ${old.name} to ${next.name}`, next.name !== old.name);
    await scene.step("Service discovery: writes reach the new leader", async () => {
      const node = await scene.writesFlow();
      scene.prove(`writes are acknowledged by ${next.name}`, node === next.address);
    });
    scene.prove("sessions to the old leader broke", sessionsBroke(scene, old));
    await scene.step(`Recover: ${old.name} rejoins as a replica`, () => scene.whole());
  },
};
