import { clusterName, DATA_DIRECTORY } from "../../../nodes/layout.js";
import type { Machine } from "../../twin/types.js";
import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";
import { AlarmWatch } from "./stage/alarm-watch.js";
import { tryScript } from "./stage/node-script.js";
import { testRestore } from "./stage/restore-test.js";
import { backUp, QUICK_ARCHIVE, tryBackUp } from "./stage/steps.js";

const TABLE = "drill_cold";
const ROWS = 5000;
/** In the middle of the table's fourth block, which is full. */
const DAMAGED_AT = 3 * 8192 + 6000;

export const restoreTestCorruption: Drill = {
  name: "restore-test-corruption",
  title: "A block that no query reads decays on a replica's disk and gets into the backup",
  runbook: "restore-test-failed.md",
  hypothesis:
    "The backup reports damaged pages, and is kept because no better one exists. The restore test finds the table, its signed report names it, and the alarm fires, while users notice nothing. With the replica recloned and a new full backup, the test passes.",
  settings: QUICK_ARCHIVE,
  nightly: true,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const leader = await scene.leader();
    const [replica] = await scene.replicas();
    if (!replica) throw new Error("no replica");
    const watch = await AlarmWatch.open(scene, scene.id);
    try {
      const file = await scene.step(`A table of ${ROWS} rows that no query reads`, () =>
        coldTable(scene, leader, replica),
      );
      const damaged = now();
      await scene.fault(`${replica.name}'s disk changes bytes of ${file}`, async () => {
        await damage(scene, replica, file);
        const { exitCode, stderr } = await tryBackUp(scene, replica, "full");
        scene.prove(
          `the backup says so itself: ${stderr.trim().split("\n").at(-1)}`,
          exitCode === 1 && stderr.includes(file),
        );
      });
      await scene.step("Detect: the backup's own alarm", () => watch.rings("backup-failed", damaged, 60));
      const failed = await scene.step("Detect: the restore test fails, and reports", () =>
        testRestore(scene, watch),
      );
      const { report } = failed;
      const wrong = report.steps.filter(({ passed }) => !passed);
      scene.prove(
        `its report names the table, in step ${wrong[0]?.step}: ${brief(wrong[0]?.error)}`,
        !report.passed && wrong.some(({ error }) => error?.includes(TABLE)),
      );
      scene.prove(
        `and the file, in step ${wrong.at(-1)?.step}: ${brief(wrong.at(-1)?.error)}`,
        wrong.some(({ error }) => error?.includes(file)),
      );
      scene.prove("the restore machine told the alarm itself", failed.toldFailed === 1);
      await scene.step("Detect: the nodes tell the alarm, by the report", () =>
        watch.rings("restore-test-failed", failed.at, 30),
      );
      await scene.step(`Recover: reclone ${replica.name} from the leader`, () =>
        copyAnew(scene, leader, replica, file),
      );
      await scene.step("Recover: a new full backup", () => backUp(scene));
      const passed = await scene.step("Verify: the next restore test passes", () =>
        testRestore(scene, watch),
      );
      scene.prove(`all its steps passed: ${passed.report.error ?? "no error"}`, passed.report.passed);
      scene.measure({
        name: "restore test: the real restore time",
        value: passed.report.restoreSeconds,
        unit: "s",
        atMost: 60,
      });
      scene.measure({
        name: "restore test: the real recovery point",
        value: passed.report.rpoSeconds ?? Number.NaN,
        unit: "s",
        atMost: scene.settings.objectives.rpoSeconds,
      });
      await scene.step("Verify: the alarms are quiet", async () => {
        await watch.isQuiet("restore-test-failed", passed.at);
        await watch.isQuiet("backup-failed", passed.at);
      });
      await scene.whole();
    } finally {
      await watch.close();
      await sql(scene, await scene.leader(), `DROP TABLE IF EXISTS ${TABLE};`);
    }
  },
};

const sql = (scene: Scene, node: Machine, statement: string) =>
  scene.database.sql(node, statement, scene.settings.databases[0]?.name);

/** On the replica's disk too, and nothing will write it there again. @returns its file below the data directory. */
async function coldTable(scene: Scene, leader: Machine, replica: Machine): Promise<string> {
  await sql(
    scene,
    leader,
    `DROP TABLE IF EXISTS ${TABLE}; CREATE TABLE ${TABLE} WITH (autovacuum_enabled = off) AS SELECT n, md5(n::text) AS text FROM generate_series(1, ${ROWS}) n;`,
  );
  await sql(scene, leader, `VACUUM (FREEZE) ${TABLE};`);
  const [row] = await sql(scene, leader, `SELECT pg_relation_filepath('${TABLE}'), pg_current_wal_lsn();`);
  const [file, position] = row as [string, string];
  await sql(scene, leader, "CHECKPOINT;");
  await scene.eventually(`${replica.name} has replayed the checkpoint after ${position}`, async () => {
    await sql(scene, replica, "CHECKPOINT;");
    const [done] = await sql(
      scene,
      replica,
      `SELECT checkpoint_lsn > '${position}' FROM pg_control_checkpoint();`,
    );
    return done?.[0] === "t";
  });
  return file;
}

/** As PostgreSQL never would: past its buffers, so that the page no longer has its checksum. */
const damage = (scene: Scene, node: Machine, file: string) =>
  scene.must(node, [
    "python3",
    "-c",
    `f = open("${DATA_DIRECTORY}/${file}", "r+b"); f.seek(${DAMAGED_AT}); was = f.read(8); f.seek(${DAMAGED_AT}); f.write(bytes(255 - each for each in was))`,
  ]);

async function copyAnew(scene: Scene, leader: Machine, replica: Machine, file: string): Promise<void> {
  const inode = () => scene.must(replica, ["stat", "--format=%i %Y", `${DATA_DIRECTORY}/${file}`]);
  const before = await inode();
  const { exitCode, stdout, stderr } = await tryScript(
    leader,
    `/opt/patroni/bin/patronictl -c /etc/dr/patroni.yml reinit --force ${clusterName(scene.region)} ${replica.name}`,
  );
  if (exitCode !== 0) throw new Error(`reinit: ${(stderr || stdout).trim()}`);
  await scene.eventually("its table's file is another", async () => (await inode()) !== before, 120);
  await scene.whole(120);
}

const brief = (words: string | null | undefined): string =>
  words ? `${words.slice(0, 300)}${words.length > 300 ? "…" : ""}` : "nothing";
