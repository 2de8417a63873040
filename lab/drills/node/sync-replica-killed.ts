import type { Drill } from "../drill.js";
import { measureLeaderChanges } from "../evidence.js";

export const syncReplicaKilled: Drill = {
  name: "sync-replica-killed",
  title: "The machine of a synchronous replica is lost",
  runbook: "replica-lost.md",
  hypothesis:
    "A commit waits for any one standby of the quorum, and the other one answers: clients notice nothing but the reads that were on the lost node. The leader stays. The machine that replaces the lost one follows again by itself.",
  expect: { writeGapSeconds: 2, rejoinSeconds: 120 },
  async run(scene) {
    const before = await scene.whole();
    const leader = await scene.leader();
    const lost = (await scene.replicas())[0];
    if (!lost) throw new Error("the leader has no replica");
    const streams = async () =>
      (
        await scene.database.sql(
          leader,
          `SELECT 1 FROM pg_stat_replication WHERE application_name = '${lost.name}' AND sync_state = 'quorum';`,
        )
      ).length > 0;
    scene.prove(`${lost.name} was in the quorum`, await streams());
    await scene.fault(`power ${lost.name} off`, () => lost.kill());
    await scene.step(`Detect: ${leader.name} drops it from the quorum`, () =>
      scene.eventually(`${lost.name} is gone`, async () => !(await streams())),
    );
    scene.prove(`${leader.name} lost its stream to ${lost.name}`, true);
    await scene.step("Verify: writes go on", async () => {
      const node = await scene.writesFlow();
      if (node !== leader.address)
        throw new Error(`writes are acknowledged by ${node}, not by ${leader.name}`);
    });
    await scene.step(`Recover: the platform replaces ${lost.name}, with the same volume`, () => lost.boot());
    await scene.step(`Rejoin: ${lost.name} follows and is in the quorum again`, () => scene.whole(110));
    await measureLeaderChanges(scene, before);
  },
};
