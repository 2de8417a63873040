import type { RegionDrill } from "../drill.js";
import { seeFollowing, seeOpened, seeUsersFollow, waitSeconds } from "./stage/steps.js";

/** After lease and margin, when it could have opened. */
const REFUSED_SECONDS = 10;

export const peerNeverReleases: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "peer-never-releases",
  title: "A planned move: the old region has closed, and dies before it hands over what it had",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "It recorded that it was about to demote itself, so it may have data that no other region has: the new region waits for that, beyond lease and margin, and says so. Only a person who accepts the loss ends the waiting.",
  // The gaps are as long as the operator takes.
  expect: { lostRows: "within-lag", rejoinSeconds: 400 },
  async run(scene) {
    const [old, to] = [scene.active(), scene.standby()];
    // Death must find it between the two: closed, and not yet released.
    const epoch = await scene.fault(
      `Promote: raise the epoch of ${to}; ${old} dies once it has recorded its demotion`,
      async () => {
        const { opened } = (await scene.claims.read()).status[old];
        const raised = await scene.raise(to);
        await scene.eventually(
          `${old} has recorded its demotion`,
          async () => (await scene.claims.read()).status[old].demoted?.of === opened,
        );
        await scene.kill(old);
        return raised;
      },
    );
    const { status } = await scene.claims.read();
    scene.prove(`${old} released nothing for epoch ${epoch}`, status[old].released?.epoch !== epoch);
    await scene.step(`Wait: ${to} stays shut beyond lease and margin`, async () => {
      await scene.settle(waitSeconds(scene) + REFUSED_SECONDS);
      scene.measure({
        name: "opened without leave",
        value: (await scene.hasOpened(to, epoch)) ? 1 : 0,
        unit: "",
        atMost: 0,
      });
      const { region } = await scene.guard(to);
      scene.prove(`its guard says why: ${region?.waitsFor}`, /release/.test(region?.waitsFor ?? ""));
    });
    await scene.step(`Accept the loss: acceptDataLoss for epoch ${epoch}`, () =>
      scene.override("acceptDataLoss"),
    );
    await seeOpened(scene, 60);
    await seeUsersFollow(scene);
    await scene.step(`Recover: boot ${old}`, () => scene.boot(old));
    await seeFollowing(scene, 300);
  },
};
