/** Steps that several runbooks share, in their words. */
import type { Machine } from "../twin/types.js";
import { sessionsBroke } from "./evidence.js";
import type { Scene } from "./scene.js";

/** Another node takes over from a leader that is gone, and clients find it. @returns the new leader. */
export async function seeTakeover(scene: Scene, old: Machine): Promise<Machine> {
  const next = await scene.step("Detect: another node leads", () => scene.leaderOtherThan([old.name]));
  scene.prove(`the leader changed from ${old.name} to ${next.name}`, next.name !== old.name);
  await scene.step("Service discovery: writes reach the new leader", async () => {
    const node = await scene.eventually("a write that the new leader acknowledged", async () => {
      const address = await scene.writesFlow();
      return address === next.address && address;
    });
    scene.prove(`writes are acknowledged by ${next.name}`, node === next.address);
  });
  scene.prove(`sessions to ${old.name} broke`, sessionsBroke(scene, old));
  return next;
}

/** The leader has a standby that its commits wait for; without one they would wait for ever. */
export function verifyHealth(scene: Scene, leader: Machine): Promise<void> {
  return scene.step("Verify health: a standby of the quorum streams from the new leader", async () => {
    await scene.eventually("a standby of the quorum", async () => {
      const rows = await scene.database.sql(
        leader,
        "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum';",
      );
      return rows.length > 0;
    });
  });
}

/** The new leader's own files are on its timeline, and no page has failed its checksum. */
export function verifyConsistency(scene: Scene, leader: Machine): Promise<void> {
  return scene.step("Verify consistency: timeline and checksums of the new leader", async () => {
    const view = await scene.view();
    await scene.eventually(`a checkpoint on timeline ${view?.timeline}`, async () => {
      const [row] = await scene.database.sql(leader, "SELECT timeline_id FROM pg_control_checkpoint();");
      return Number(row?.[0]) === view?.timeline;
    });
    const failures = await scene.database.sql(
      leader,
      "SELECT datname, checksum_failures FROM pg_stat_database WHERE checksum_failures > 0;",
    );
    if (failures.length > 0) throw new Error(`pages with a wrong checksum: ${failures.join("; ")}`);
  });
}
