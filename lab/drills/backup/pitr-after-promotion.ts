import { clusterName } from "../../../nodes/layout.js";
import type { RegionId } from "../../../settings/stacks.js";
import { now } from "../../workload/clock.js";
import type { RegionDrill } from "../drill.js";
import type { RegionScene } from "../region/stage/region-scene.js";
import { moveOnPurpose, seeFollowing } from "../region/stage/steps.js";
import { script } from "./stage/node-script.js";
import { choose, momentOf, Restored } from "./stage/restored.js";
import { archiveAll, backUp, QUICK_ARCHIVE } from "./stage/steps.js";

/** From the claim to the moment that is restored. */
const TARGET_SECONDS = 60;
/** Writes that must not be there. */
const BEYOND_SECONDS = 5;
const BACKUP_SECONDS = 180;
/** Dumps and verification follow. */
const BACKUP_DUE = /^(full|incr) is due/;

export const pitrAfterPromotion: RegionDrill = {
  kind: "region",
  name: "pitr-after-promotion",
  title: "The database is restored to one minute after a promotion, before the new region has a backup",
  runbook: "point-in-time-restore.md",
  nightly: true,
  hypothesis:
    "Until its first backup is complete, the promoted region has only WAL, which continues where the other region's WAL ended. A restore there starts from the other region's backup, replays that region's WAL up to the promotion and then its own: it contains every write acknowledged in either region before the target time, and none sent after it. The first backup is due at once; from then on the region's own stanza is enough.",
  settings: QUICK_ARCHIVE,
  // Users who ask by name are in region-switchover.
  http: false,
  expect: { lostRows: "none", writeGapSeconds: 12, claimToWriteSeconds: 15 },
  async run(scene) {
    const [from, to] = [scene.active(), scene.standby()];
    await scene.step(`A full backup of ${from}`, () => backUp(scene));
    const resume = await scene.step(`No node in ${to} checks which backup is due`, () =>
      holdBackups(scene, to),
    );
    try {
      await moveOnPurpose(scene);
      const claimed = scene.faults[0]?.from ?? 0;
      await scene.step(`${to} serves until ${TARGET_SECONDS} s after the claim`, () =>
        scene.eventually("that time", () => now() - claimed > TARGET_SECONDS * 1000, 120, 200),
      );
      const leader = await scene.leader();
      const moment = await momentOf(scene, leader);
      await scene.step(`It serves on for ${BEYOND_SECONDS} s`, () => scene.settle(BEYOND_SECONDS));
      await scene.step("Provision: what was written before is in the vault", () => archiveAll(scene, leader));
      const restored = await scene.step(`Restore to ${moment.time} in ${to}`, () =>
        Restored.on(scene, to, ["--to", moment.time]),
      );
      try {
        await seeBothStanzas(scene, from, to, restored);
        await scene.step("Validate: the writes of both regions up to that moment", () =>
          restored.holdsWritesUntil(moment),
        );
        await scene.step(`Afterwards: the first backup of ${to}, by itself`, () => seeFirstBackup(scene, to));
        await scene.step("Verify: its own stanza is enough", () => seeOwnStanza(scene, to, restored));
      } finally {
        await restored.close();
      }
    } finally {
      await resume();
    }
    await seeFollowing(scene);
  },
};

/** The timers of a region that would begin its first backup; they are started again by what is returned. */
async function holdBackups(scene: RegionScene, region: RegionId): Promise<() => Promise<void>> {
  const nodes = scene.at(region).voters;
  for (const node of nodes) await node.systemctl("stop", "dr-backup.timer");
  return async () => {
    for (const node of nodes) await node.systemctl("start", "dr-backup.timer");
  };
}

async function seeBothStanzas(
  scene: RegionScene,
  from: RegionId,
  to: RegionId,
  { report }: Restored,
): Promise<void> {
  const [old, own] = [from, to].map((id) => clusterName(scene.running.contract[id]));
  scene.prove(`the backup is ${from}'s: ${report.backup} of ${report.stanza}`, report.stanza === old);
  const timelines = Object.entries(report.timelines ?? {});
  scene.prove(
    `log of both regions was replayed: ${timelines.map(([timeline, stanza]) => `${timeline} of ${stanza}`).join(", ")}`,
    timelines.some(([, stanza]) => stanza === old) && timelines.at(-1)?.[1] === own,
  );
}

/** As the timer would have it a minute later at most: every voter asks, one acts. Archiving is checked by the backup itself. */
async function seeFirstBackup(scene: RegionScene, region: RegionId): Promise<void> {
  const { voters } = scene.at(region);
  const due = () => script(voters[0] as (typeof voters)[number], "dr-backup --dry-run");
  const before = await due();
  scene.prove(`what is due right after the promotion: ${before.trim()}`, BACKUP_DUE.test(before));
  const begin = now();
  for (const node of voters) await script(node, "systemctl start dr-backup.service", BACKUP_SECONDS);
  await scene.eventually("no backup is due any more", async () => !BACKUP_DUE.test(await due()), 120, 1000);
  const end = now();
  scene.measure({ name: "first backup of the new region", value: (end - begin) / 1000, unit: "s" });
  for (const node of voters) await script(node, "dr-check-vault", BACKUP_SECONDS);
}

async function seeOwnStanza(scene: RegionScene, region: RegionId, { machine }: Restored): Promise<void> {
  const own = clusterName(scene.running.contract[region]);
  const { stanza, backup, timelines = {} } = await choose(machine, ["--to", "latest"]);
  scene.prove(`a restore would begin with ${backup} of ${stanza} now`, stanza === own);
  scene.prove("the timeline that it would replay is in the archive", Object.values(timelines).at(-1) === own);
}
