import { GUARD_PROGRAM } from "../../../nodes/layout.js";
import type { Drill } from "../drill.js";

export const plannedSwitchover: Drill = {
  name: "planned-switchover",
  title: "The leadership is handed over on purpose",
  runbook: "planned-switchover-in-region.md",
  hypothesis:
    "The guard shuts the port, waits until a replica has everything, and hands it the leader key. Writes stop for about a second at most, none is lost, and the old leader follows the new one.",
  expect: { writeGapSeconds: 1.5, rejoinSeconds: 60, readGapSeconds: 5 },
  async run(scene) {
    const old = await scene.leader();
    const candidate = await scene.step("Detect: choose a replica of the quorum", async () => {
      const [row] = await scene.database.sql(
        old,
        "SELECT application_name FROM pg_stat_replication WHERE sync_state = 'quorum' ORDER BY replay_lag NULLS FIRST LIMIT 1;",
      );
      if (!row?.[0]) throw new Error("no replica is in the quorum");
      return row[0];
    });
    const said = await scene.fault(`switch over from ${old.name} to ${candidate}`, () =>
      scene.must(old, ["/usr/bin/node", GUARD_PROGRAM, "switchover", candidate], 30_000),
    );
    const next = await scene.step("Verify: another node leads", () => scene.leaderOtherThan([old.name], 10));
    scene.prove(`${candidate} leads, as ordered`, next.name === candidate);
    scene.prove("the guard names the new leader", said.includes(candidate));
    await scene.step("Service discovery: writes reach the new leader", async () => {
      const node = await scene.writesFlow(10);
      scene.prove(`writes are acknowledged by ${next.name}`, node === next.address);
    });
    await scene.step(`Verify: ${old.name} follows the new leader`, () => scene.whole());
  },
};
