import type { RegionDrill } from "../drill.js";
import {
  DECISION_SECONDS,
  seeFollowing,
  seeOpened,
  seeUsersFollow,
  waitSeconds,
  wireOf,
} from "./stage/steps.js";

const BUDGET_SECONDS = 15;
const CUT_SECONDS = 30;
/** After lease and margin, when it could have opened. */
const REFUSED_SECONDS = 10;
const FETCH_SECONDS = 60;

export const lagOverBudget: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "lag-over-budget",
  title: "A promotion is refused over the lag budget, then accepted by a person",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "A region that is behind by more than the budget does not open, however long the other one is silent, and says so. When an operator accepts the loss for this very epoch it opens, and reports how much it was.",
  settings: { promotion: { lagBudgetSeconds: BUDGET_SECONDS } },
  // The gaps are as long as the operator takes.
  expect: { lostRows: "within-lag", rejoinSeconds: 400 },
  async run(scene) {
    const [old, to] = [scene.active(), scene.standby()];
    const wire = wireOf(scene);
    await scene.fault("cut the link between the regions", () => wire.cut());
    await scene.step(`Confine: ${old} serves alone for ${CUT_SECONDS} s`, () => scene.settle(CUT_SECONDS));
    await scene.fault(`power off every machine of ${old}`, () => scene.kill(old));
    await scene.step(`Detect: ${DECISION_SECONDS} s to decide`, () => scene.settle(DECISION_SECONDS));
    const epoch = await scene.step(`Promote: raise the epoch of ${to}`, () => scene.raise(to));
    await scene.step(`Wait: ${to} stays shut beyond lease and margin`, async () => {
      await scene.settle(waitSeconds(scene) + REFUSED_SECONDS);
      // What the copy of the vault has is fetched first.
      const reason = await scene.eventually(
        "the lag for its guard's reason",
        async () => {
          const { waitsFor } = (await scene.guard(to)).region ?? {};
          return /lag|budget/.test(waitsFor ?? "") ? waitsFor : undefined;
        },
        FETCH_SECONDS,
      );
      scene.measure({
        name: "opened without leave",
        value: (await scene.hasOpened(to, epoch)) ? 1 : 0,
        unit: "",
        atMost: 0,
      });
      scene.prove(`its guard says why: ${reason}`, true);
    });
    await scene.step(`Accept the loss: acceptDataLoss for epoch ${epoch}`, () =>
      scene.override("acceptDataLoss"),
    );
    await seeOpened(scene, 60);
    const { lagSeconds = 0 } = scene.observations().moves.at(-1) ?? {};
    scene.prove(`the lag was above the budget: ${lagSeconds.toFixed(0)} s`, lagSeconds > BUDGET_SECONDS);
    await seeUsersFollow(scene);
    await scene.step("Recover: restore the link", () => wire.heal());
    await scene.step(`Recover: boot ${old}`, () => scene.boot(old));
    await seeFollowing(scene, 300);
  },
};
