import type { RegionDrill } from "../drill.js";
import { moveOnPurpose } from "../region/stage/steps.js";
import { prepareTable, seeSetBack, setBack, spoil } from "./stage/cut-over.js";
import { momentOf } from "./stage/restored.js";
import { archiveAll, QUICK_ARCHIVE } from "./stage/steps.js";

/** Load between the backup and the moment, and between the moment and the mistake. */
const SERVE_SECONDS = 6;

export const pitrCutOver: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "pitr-cut-over",
  title: "The whole service is set back to a moment before the last promotion",
  runbook: "point-in-time-restore.md",
  hypothesis:
    "A mistake is made in one region, and the business moves to the other. There a replica restores the moment before the mistake, out of the log of the region that was active then, while the leader serves; the region is closed, all nodes' data are set aside, and the replica leads with the restored ones. Every write acknowledged before the moment is there, every one after it is gone from both regions, and none that came after the close is missing. The other nodes and the other region copy or rewind by themselves, and a later restore goes along the new line.",
  settings: QUICK_ARCHIVE,
  // Users who ask by name are in region-switchover.
  http: false,
  expect: { lostRows: "set-back", writeGapSeconds: 120 },
  async run(scene) {
    const backup = await scene.step("A table, a full backup, and some load", () =>
      prepareTable(scene, SERVE_SECONDS),
    );
    const before = await scene.leader();
    const moment = await momentOf(scene, before);
    await scene.settle(SERVE_SECONDS);
    await spoil(scene);
    await scene.step("What was written before is in the vault", () => archiveAll(scene, before));
    await moveOnPurpose(scene);
    const leader = await scene.leader();
    await scene.step("Confine: what the new region wrote is in its vault", () => archiveAll(scene, leader));
    await scene.step(`Recover: npx dr restore --to ${moment.time} --all`, () => setBack(scene, moment));
    scene.measure({ name: "from the mistake until all is set back", value: scene.sinceFault(), unit: "s" });
    await seeSetBack(scene, backup);
  },
};
