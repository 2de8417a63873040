import { segmentName, segmentNumber } from "../../../nodes/bin/verbs/archive.js";
import { IMAGE_PATHS } from "../../../nodes/layout.js";
import type { Machine } from "../../twin/types.js";
import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";
import { AlarmWatch } from "./stage/alarm-watch.js";
import { tryScript } from "./stage/node-script.js";
import { archiveAll, archived, checkVault, QUICK_ARCHIVE } from "./stage/steps.js";

/** As many as an hour of archive timeouts makes, at the default of a minute. */
const SEGMENTS = 60;
/** At a time, so that no call lasts long. */
const BATCH = 10;
/** After this long without a new value, CloudWatch's agent drops a gauge. */
const FORGOTTEN_SECONDS = 60;

export const archivingStuck: Drill = {
  name: "archiving-stuck",
  title: "S3 can't be reached, while as much WAL is made as in an hour",
  runbook: "wal-archiving-broken.md",
  hypothesis:
    "WAL waits on the leader's volume, and users notice nothing. The leader keeps reporting the age of the oldest WAL that the vault lacks, though requests to the vault hang, so both alarms have the data to fire. Once S3 is reachable again, the backlog drains by itself, and no WAL is missing.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const leader = await scene.leader();
    const { settings, id, running } = scene;
    const watch = await AlarmWatch.open(scene, id);
    const tlsProxy = running.vaults.tlsProxy(id);
    let isCut = false;
    try {
      const first = await archiveAll(scene, leader);
      const from = now();
      await scene.fault("nothing passes to S3 or from it any more", async () => {
        await tlsProxy.cut();
        isCut = true;
      });
      const last = await scene.step(`${SEGMENTS} segments of WAL are written meanwhile`, () =>
        writeSegments(scene, leader),
      );
      await scene.step("Detect: later than three archive timeouts", () =>
        watch.rings("wal-archiving-late", from, 3 * settings.backup.archiveTimeoutSeconds + 30),
      );
      await scene.step("Detect: beyond the recovery point objective", () =>
        watch.rings("wal-archiving-broken", from, settings.objectives.rpoSeconds + 30),
      );
      const waiting = await waitingSegments(scene, leader);
      scene.prove(`${waiting} segments wait on ${leader.name}`, waiting >= SEGMENTS);
      await scene.step("Detect: what holds it up", async () => {
        const { exitCode, stdout, stderr } = await tryScript(
          leader,
          `timeout 5 curl --silent --show-error --max-time 3 $(sed -n 's/^repo1-s3-endpoint=/https:\\/\\//p' ${IMAGE_PATHS.pgbackrest})`,
        );
        scene.prove(`S3 doesn't answer: ${(stderr || stdout).trim()}`, exitCode !== 0);
      });
      scene.measure({
        name: "longest time without a report of what the vault lacks",
        value: watch.longestSilence("UnarchivedWalSeconds", from, now()),
        unit: "s",
        atMost: FORGOTTEN_SECONDS,
      });
      const healed = now();
      await scene.step("Recover: the way to S3 is there again", async () => {
        await tlsProxy.heal();
        isCut = false;
      });
      await scene.step("Recover: all of it drains by itself", () => archived(scene, leader, last, 240));
      scene.measure({ name: "until all was in the vault", value: (now() - healed) / 1000, unit: "s" });
      await scene.step("Verify: nothing is missing", async () => {
        const missing = await missingBetween(scene, first, last);
        scene.prove(
          `every segment from ${first} to ${last} is in the vault: ${missing.join() || "all"}`,
          missing.length === 0,
        );
        await watch.isQuiet("wal-archiving-late", now());
        await watch.isQuiet("wal-archiving-broken", now());
        const { values } = await checkVault(scene, leader);
        scene.measure({
          name: "segments missing by dr-check-vault",
          value: values.MissingWalSegments ?? Number.NaN,
          unit: "",
          atMost: 0,
        });
      });
    } finally {
      if (isCut) await tlsProxy.heal();
      await watch.close();
      // What is no longer needed goes with the next checkpoint.
      await scene.database.sql(leader, "CHECKPOINT;");
    }
  },
};

/** Each with something in it. @returns the last one's name. */
async function writeSegments(scene: Scene, leader: Machine): Promise<string> {
  let last = "";
  for (let written = 0; written < SEGMENTS; written += BATCH) {
    const rows = await scene.database.sql(
      leader,
      "SELECT pg_logical_emit_message(true, 'drill', 'x') IS NULL; SELECT pg_walfile_name(pg_switch_wal());\n".repeat(
        BATCH,
      ),
    );
    last = rows.at(-1)?.[0] as string;
  }
  return last;
}

async function waitingSegments(scene: Scene, leader: Machine): Promise<number> {
  const [row] = await scene.database.sql(
    leader,
    "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready';",
  );
  return Number(row?.[0]);
}

/** By the vault's own list, of one timeline. */
async function missingBetween(
  { running, region, id }: Scene,
  first: string,
  last: string,
): Promise<string[]> {
  const keys = await running.vaults.list(id, `${region.repositoryPath.slice(1)}/archive/`);
  const there = new Set(keys.map((key) => /\/([0-9A-F]{24})-/.exec(key)?.[1]));
  const timeline = Number.parseInt(first.slice(0, 8), 16);
  const names: string[] = [];
  for (let n = segmentNumber(first); n <= segmentNumber(last); n++) names.push(segmentName(timeline, n));
  return names.filter((name) => !there.has(name));
}
