import type { RegionDrill } from "../drill.js";
import { finish, prepareTable, seeSetBack, seeShut, setBack, spoil } from "./stage/cut-over.js";
import { momentOf } from "./stage/restored.js";
import { archiveAll, QUICK_ARCHIVE } from "./stage/steps.js";

const SERVE_SECONDS = 4;

export const pitrCutOverInterrupted: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "pitr-cut-over-interrupted",
  title: "The cut-over to a restored database dies half-way, twice: undone once, then finished",
  runbook: "point-in-time-restore.md",
  hypothesis:
    "The operator's process dies right after the close: no Patroni of the region starts, and --undo brings back everything as it was, all that was acknowledged included. It is begun again, and dies once etcd has forgotten the old log: from there --undo is refused, and --resume finishes it from what the nodes themselves know.",
  settings: QUICK_ARCHIVE,
  http: false,
  // The cut-over doesn't resume by itself: the gap lasts until the operator runs it again.
  expect: { lostRows: "set-back", writeGapSeconds: 180 },
  async run(scene) {
    const backup = await scene.step("A table, a full backup, and some load", () =>
      prepareTable(scene, SERVE_SECONDS),
    );
    const leader = await scene.leader();
    const moment = await momentOf(scene, leader);
    await scene.settle(SERVE_SECONDS);
    await spoil(scene);
    await scene.step("Confine: what was written before is in the vault", () => archiveAll(scene, leader));
    await scene.step("Recover: --all, which dies after the close", () => setBack(scene, moment, "aside"));
    await scene.step("Verify: no node starts with the old data", () => seeShut(scene));
    await scene.step("Recover: npx dr restore --all --undo", () => finish(scene, moment, "undo"));
    await scene.step("Verify: it serves as before, whole", async () => {
      await scene.writesFlowIn(scene.id);
      await scene.at(scene.id).whole(180);
      scene.setBack = undefined;
    });
    await scene.running.endRestoreMachine(scene.id);
    await scene.step("Recover: --all again, which dies once the old log is forgotten", () =>
      setBack(scene, moment, "lead"),
    );
    await scene.step("Verify: it can't be put back any more", async () => {
      const refused = await finish(scene, moment, "undo").then(
        () => "it was",
        (error: Error) => error.message,
      );
      scene.prove(`--undo is refused: ${refused.split("\n")[0]}`, refused.includes("can't be undone"));
    });
    await scene.step("Recover: npx dr restore --all --resume", () => finish(scene, moment, "resume"));
    await scene.running.endRestoreMachine(scene.id);
    await seeSetBack(scene, backup);
  },
};
