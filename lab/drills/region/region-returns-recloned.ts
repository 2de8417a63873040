import type { Machine } from "../../twin/types.js";
import type { RegionDrill } from "../drill.js";
import { compareWithLost, keepsChanges, seeSaved } from "./stage/diverged.js";
import type { RegionScene } from "./stage/region-scene.js";
import { isolate, promote, seeFollowing, seeUsersFollow, UNPLANNED } from "./stage/steps.js";

/** A segment of the log. */
const SEGMENT_BYTES = 16 * 1024 ** 2;

export const regionReturnsRecloned: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "region-returns-recloned",
  title: "A region that comes back can't be rewound: log from before it parted is gone",
  runbook: "region-returns.md",
  hypothesis:
    "A rewind needs the old leader's WAL back to the last common checkpoint. That WAL is gone, as after later checkpoints. The guard still saves what only that node has; then Patroni removes its data and reclones it from the other region.",
  expect: { ...UNPLANNED, rejoinSeconds: 500 },
  async run(scene) {
    const old = scene.active();
    const epoch = await scene.epoch(old);
    const leader = await scene.step("the slots begin after the last checkpoint's segment", () =>
      passSegment(scene),
    );
    await isolate(scene, old);
    await promote(scene);
    await seeUsersFollow(scene);
    await scene.step(`Confine: ${leader.name} removes log that no slot keeps`, () =>
      removeOldLog(scene, leader),
    );
    await scene.step(`Recover: reconnect ${old}`, () => scene.machines(old).heal());
    const record = await seeSaved(scene, old, epoch);
    await seeFollowing(scene, 300);
    const log = await scene.must(leader, ["grep", "-c", "Failed to rewind", "/run/twin/logs/patroni.log"]);
    scene.prove("the rewind failed", Number(log) > 0);
    await scene.step("Verify: what was lost was saved", () => compareWithLost(scene, old, record));
  },
};

/** A checkpoint, a new segment, and slots that need nothing from before it. */
async function passSegment(scene: RegionScene): Promise<Machine> {
  const leader = await keepsChanges(scene);
  const rows = await scene.database.sql(
    leader,
    `CHECKPOINT; SELECT pg_wal_lsn_diff(pg_switch_wal(), '0/0');`,
  );
  // The first row is the checkpoint's.
  const switched = Number(rows.at(-1)?.[0]);
  await scene.eventually(
    "slots beyond that segment",
    async () => {
      const [row] = await scene.database.sql(
        leader,
        `SELECT min(pg_wal_lsn_diff(restart_lsn, '0/0')) FROM pg_replication_slots WHERE restart_lsn IS NOT NULL;`,
      );
      return Number(row?.[0]) >= Math.ceil(switched / SEGMENT_BYTES) * SEGMENT_BYTES;
    },
    120,
  );
  return leader;
}

/** What checkpoints do in time. */
async function removeOldLog(scene: RegionScene, leader: Machine): Promise<void> {
  const { running } = scene;
  const database = running.database(scene.standby());
  const rows = await database.sql(
    leader,
    `CHECKPOINT; SELECT pg_walfile_name(min(restart_lsn)), current_setting('data_directory') FROM pg_replication_slots WHERE restart_lsn IS NOT NULL;`,
  );
  const [first = "", directory = ""] = rows.at(-1) ?? [];
  const names = (await scene.must(leader, ["ls", `${directory}/pg_wal`])).split("\n");
  const old = names.filter((name) => /^[0-9A-F]{24}$/.test(name) && name.slice(8) < first.slice(8));
  if (old.length > 0) await scene.must(leader, ["rm", ...old.map((name) => `${directory}/pg_wal/${name}`)]);
}
