import type { Drill } from "../drill.js";
import { momentOf, Restored } from "../vault/restored.js";
import { archiveAll, backUp, QUICK_ARCHIVE } from "../vault/steps.js";

const TABLE = "drill_orders";
const ROWS = 5000;
/** Load between the backup and the mistake: log that must be replayed, and no further. */
const SERVE_SECONDS = 8;

export const pitrDropTable: Drill = {
  name: "pitr-drop-table",
  title: "A table is dropped by mistake; the database is restored to just before",
  runbook: "point-in-time-restore.md",
  hypothesis:
    "A machine of its own restores the newest backup and replays the log up to the moment before the mistake, beside the cluster, which goes on serving. The table is there with every row, every write acknowledged before is there, and none that came after.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const leader = await scene.leader();
    const database = scene.settings.databases[0]?.name ?? "postgres";
    const sql = (statement: string) => scene.database.sql(leader, statement, database);
    await scene.step(`A table with ${ROWS} rows, and a full backup`, async () => {
      await sql(
        `DROP TABLE IF EXISTS ${TABLE}; CREATE TABLE ${TABLE} AS SELECT n, md5(n::text) AS text FROM generate_series(1, ${ROWS}) n;`,
      );
      await backUp(scene);
    });
    await scene.step(`It serves on for ${SERVE_SECONDS} s`, () => scene.settle(SERVE_SECONDS));
    const [sum] = await sql(`SELECT count(*), md5(string_agg(text, ',' ORDER BY n)) FROM ${TABLE};`);
    const before = await momentOf(scene, leader);
    await scene.fault(`DROP TABLE ${TABLE}`, () => sql(`DROP TABLE ${TABLE};`));
    const gone = await sql(`SELECT to_regclass('${TABLE}') IS NULL;`);
    scene.prove("the table is gone, on the replicas too", gone[0]?.[0] === "t");
    await scene.step("Provision: what was written before is in the vault", () => archiveAll(scene, leader));
    const restored = await scene.step(`Restore to ${before.time}`, () =>
      Restored.on(scene, "home", ["--to", before.time]),
    );
    try {
      await scene.step("Validate: the table is there, and the writes up to that moment", async () => {
        const [found] = await restored.sql(
          `SELECT count(*), md5(string_agg(text, ',' ORDER BY n)) FROM ${TABLE};`,
        );
        scene.measure({ name: "rows of the table", value: Number(found?.[0]), unit: "" });
        scene.prove("every row of the table is there as it was", found?.join() === sum?.join());
        await restored.holdsWritesUntil(before);
      });
    } finally {
      await restored.close();
    }
  },
};
