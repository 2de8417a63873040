import type { RegionDrill } from "../drill.js";
import { promote, seeFollowing, seeUsersFollow } from "../two-regions/steps.js";

export const regionDead: RegionDrill = {
  kind: "region",
  name: "region-dead",
  title: "The active region dies at once, and comes back later",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "All its machines lose power in one moment. The other region can't know that, so it opens when lease and margin have passed since the claim. What was acknowledged last may be missing, no more than the guard reports. When the dead region comes back it is a standby before PostgreSQL starts, and follows.",
  expect: {
    lostRows: "within-lag",
    // The decision, lease and margin, and the promotion.
    writeGapSeconds: 40,
    // Beyond that: health checks that see the new region, what they say spreading, and what clients keep.
    nameGapSeconds: 80,
    claimToWriteSeconds: 30,
    rejoinSeconds: 400,
  },
  async run(scene) {
    const old = scene.active();
    await scene.fault(`power off every machine of ${old}`, () => scene.kill(old));
    scene.prove(
      `no machine of ${old} is alive`,
      scene.twin.machines.every(({ alive, spec }) => spec.region !== old || !alive),
    );
    await promote(scene);
    await seeUsersFollow(scene);
    await scene.step(`Recover: boot ${old}`, () => scene.boot(old));
    await seeFollowing(scene, 300);
  },
};
