import type { RegionDrill } from "../drill.js";
import { compareWithLost, keepsChanges, seeSaved } from "./stage/diverged.js";
import { promote, seeFollowing, seeUsersFollow, UNPLANNED } from "./stage/steps.js";

export const regionDead: RegionDrill = {
  kind: "region",
  name: "region-dead",
  title: "The active region dies at once, and comes back later",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "All its machines lose power in one moment. The other region can't know that, so it opens when lease and margin have passed since the claim. What was acknowledged last may be missing, no more than the guard reports. When the dead region comes back it is a standby before Patroni starts PostgreSQL; its old leader saves what only it has, and follows.",
  nightly: true,
  expect: UNPLANNED,
  async run(scene) {
    const old = scene.active();
    const epoch = await scene.epoch(old);
    await scene.step("the leader keeps what the other region has not confirmed", () => keepsChanges(scene));
    await scene.fault(`power off every machine of ${old}`, () => scene.kill(old));
    scene.prove(
      `no machine of ${old} is alive`,
      scene.twin.machines.every(({ alive, spec }) => spec.region !== old || !alive),
    );
    await promote(scene);
    await seeUsersFollow(scene);
    await scene.step(`Recover: boot ${old}`, () => scene.boot(old));
    const record = await seeSaved(scene, old, epoch);
    await seeFollowing(scene, 300);
    // There may have been nothing.
    await scene.step("Verify: what was lost was saved", () => compareWithLost(scene, old, record, false));
  },
};
