import { clusterName } from "../../../nodes/layout.js";
import type { RegionId } from "../../../settings/stacks.js";
import type { Machine } from "../../twin/types.js";
import type { RegionDrill } from "../drill.js";
import { lastAcknowledged } from "../lost-rows.js";
import type { RegionScene } from "../region/stage/region-scene.js";
import { type Moment, momentOf, Restored } from "./stage/restored.js";
import { backUp, QUICK_ARCHIVE } from "./stage/steps.js";

/** Load between the backup and the loss: several archive timeouts. */
const SERVE_SECONDS = 25;
/** The twin copies once a second; on a busy host upload and copy take longer. S3 is held to 15 minutes. */
const COPY_SECONDS = 20;

export const homeVaultGone: RegionDrill = {
  kind: "region",
  name: "home-vault-gone",
  title:
    "The active region and its vault can't be reached; the database is restored from the copy in the other vault",
  runbook: "restore-from-other-region.md",
  hypothesis:
    "The other region's vault has a copy of the lost one's backups and log, under its own key and lock. A machine there restores it without asking anything of the lost region. What was not archived or not copied yet is missing: the archive timeout and the copy's lag bound it, however much was written.",
  settings: QUICK_ARCHIVE,
  // Users who ask by name are in region-dead.
  http: false,
  // No operator promotes: the region closes when its lease runs out, and comes back with everything.
  expect: { lostRows: "none", rejoinSeconds: 400 },
  async run(scene) {
    const [lost, at] = [scene.active(), scene.standby()];
    await scene.step(`A full backup of ${lost}`, () => backUp(scene));
    await scene.step(`${lost} serves on for ${SERVE_SECONDS} s`, () => scene.settle(SERVE_SECONDS));
    const moment = await momentOf(scene, await scene.leader());
    await scene.fault(`cut ${lost} and its vault off from everything`, () => scene.machines(lost).isolate());
    const restored = await scene.step(`Restore in ${at}, from its own vault alone`, () =>
      Restored.on(scene, at, ["--to", "latest"]),
    );
    try {
      await seeVaultAway(scene, lost, restored.machine);
      await scene.step("Validate: what is there, and up to when", () =>
        seeRpo(scene, lost, restored, moment),
      );
    } finally {
      await restored.close();
    }
    await scene.step(`Recover: reconnect ${lost}`, () => scene.machines(lost).heal());
    await scene.step("Verify: both regions are whole, and nothing is lost", () => scene.whole(300));
  },
};

/** Asked by the machine that has just restored. */
async function seeVaultAway(scene: RegionScene, lost: RegionId, machine: Machine): Promise<void> {
  const host = `s3.${scene.running.contract[lost].region}.amazonaws.com`;
  const { exitCode } = await machine.run([
    "curl",
    "--silent",
    "--insecure",
    "--max-time",
    "3",
    `https://${host}/`,
  ]);
  scene.prove(`${host} does not answer`, exitCode !== 0);
}

/** By the ledger's clock: what was committed last in the copy, and what was acknowledged last before the loss. */
async function seeRpo(
  scene: RegionScene,
  lost: RegionId,
  restored: Restored,
  { time, at }: Moment,
): Promise<void> {
  const { stanza, backup, lastCommit, walSegments } = restored.report;
  scene.prove(
    `${backup} of ${stanza} was restored while its vault was away`,
    stanza === clusterName(scene.running.contract[lost]),
  );
  scene.prove(`log beyond the backup was in the copy: ${walSegments} segments`, (walSegments ?? 0) > 0);
  const committedAt = at - (Date.parse(time) - Date.parse(lastCommit ?? ""));
  await restored.holdsWritesUntil({ at: committedAt });
  const gone = scene.faults[0]?.from ?? 0;
  const lastAt = lastAcknowledged(scene.ledger.writes, gone);
  scene.measure({
    name: "real RPO: from the last commit in the copy to the last one acknowledged",
    value: (lastAt - committedAt) / 1000,
    unit: "s",
    atMost: scene.settings.backup.archiveTimeoutSeconds + COPY_SECONDS,
  });
}
