import type { RegionDrill } from "../drill.js";
import { promote, seeFollowing, seeUsersFollow, UNPLANNED, wireOf } from "./stage/steps.js";

/** Long enough that the last difference that was seen, which was none, says nothing. */
const CUT_SECONDS = 40;

export const regionDeadBehind: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "region-dead-behind",
  title: "The link between the regions is cut for long, then the active region dies",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "The standby was level when the link was cut, and hears nothing since. The lag that its guard reports grows all the same, for it counts from the last proof of having had everything. What was written since is lost, and the report covers all of it.",
  settings: { promotion: { lagBudgetSeconds: 300 } },
  expect: UNPLANNED,
  async run(scene) {
    const old = scene.active();
    const wire = wireOf(scene);
    await scene.fault("cut the link between the regions", () => wire.cut());
    await scene.step(`Confine: ${old} serves alone for ${CUT_SECONDS} s`, () => scene.settle(CUT_SECONDS));
    await scene.fault(`power off every machine of ${old}`, () => scene.kill(old));
    await promote(scene);
    const { lagSeconds } = scene.observations().moves.at(-1) ?? {};
    scene.prove(
      `the guard reported the lag: ${lagSeconds?.toFixed(0) ?? "unknown"} s`,
      lagSeconds !== undefined && lagSeconds >= CUT_SECONDS,
    );
    await seeUsersFollow(scene);
    await scene.step("Recover: restore the link", () => wire.heal());
    await scene.step(`Recover: boot ${old}`, () => scene.boot(old));
    await seeFollowing(scene, 300);
  },
};
