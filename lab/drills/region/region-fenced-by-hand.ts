import type { RegionDrill } from "../drill.js";
import { DECISION_SECONDS, seeFollowing, seeOpened, seeUsersFollow } from "./stage/steps.js";

export const regionFencedByHand: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "region-fenced-by-hand",
  title: "The active region is known to be dead: a promotion with a confirmed fence",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "Somebody has seen that every machine of the old region is stopped, and says so for this epoch. The new region need not wait for lease and margin: it opens as fast as PostgreSQL is promoted.",
  expect: {
    lostRows: "within-lag",
    writeGapSeconds: 20,
    // Health checks, spreading and what clients keep are as long as ever.
    nameGapSeconds: 65,
    // Far less than lease and margin, which are 20 s.
    claimToWriteSeconds: 10,
    rejoinSeconds: 400,
  },
  async run(scene) {
    const [old, to] = [scene.active(), scene.standby()];
    await scene.fault(`power off every machine of ${old}`, () => scene.kill(old));
    await scene.step(`Detect: ${DECISION_SECONDS} s to decide`, () => scene.settle(DECISION_SECONDS));
    await scene.step("Fence: see that every machine is stopped", async () => {
      const alive = scene.twin.machines.filter(({ alive, spec }) => alive && spec.region === old);
      if (alive.length > 0)
        throw new Error(`${alive.map(({ name }) => name).join(", ")} of ${old} still run`);
    });
    await scene.step(`Promote: raise the epoch of ${to}, and say that ${old} is fenced`, async () => {
      await scene.raise(to);
      await scene.override("fenced");
    });
    await seeOpened(scene, 60);
    const { reason } = scene.observations().moves.at(-1) ?? {};
    scene.prove(`it opened for that reason: ${reason}`, /fenced/.test(reason ?? ""));
    await seeUsersFollow(scene);
    await scene.step(`Recover: boot ${old}`, () => scene.boot(old));
    await seeFollowing(scene, 300);
  },
};
