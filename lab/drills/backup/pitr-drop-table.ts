import { setTimeout as sleep } from "node:timers/promises";
import { runRestore } from "../../../operations/restore/run.js";
import type { Drill } from "../drill.js";
import { restoreMachinesOf } from "./stage/remote.js";
import { momentOf, Restored } from "./stage/restored.js";
import { archiveAll, backUp, QUICK_ARCHIVE } from "./stage/steps.js";

const TABLE = "drill_orders";
const ROWS = 5000;
/** Load between the backup and the mistake: log that must be replayed, and no further. */
const SERVE_SECONDS = 8;

export const pitrDropTable: Drill = {
  name: "pitr-drop-table",
  title: "A table is dropped by mistake; the database is restored to just before, and the table brought back",
  runbook: "point-in-time-restore.md",
  hypothesis:
    "A separate machine restores the newest backup and replays WAL up to the moment before the mistake, while the cluster goes on serving. The restored database has the table with every row and every write acknowledged before that moment, and none sent after it. The table returns to the serving cluster through the vault, and writes made meanwhile stay.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const leader = await scene.leader();
    const database = scene.settings.databases[0]?.name ?? "postgres";
    const sql = (statement: string, node = leader) => scene.database.sql(node, statement, database);
    const content = `SELECT count(*), md5(string_agg(text, ',' ORDER BY n)) FROM ${TABLE};`;
    await scene.step(`A table with ${ROWS} rows, and a full backup`, async () => {
      await sql(
        `DROP TABLE IF EXISTS ${TABLE}; CREATE TABLE ${TABLE} AS SELECT n, md5(n::text) AS text FROM generate_series(1, ${ROWS}) n; ALTER TABLE ${TABLE} ADD PRIMARY KEY (n);`,
      );
      await backUp(scene);
    });
    await scene.step(`It serves on for ${SERVE_SECONDS} s`, () => scene.settle(SERVE_SECONDS));
    const [sum] = await sql(content);
    const before = await momentOf(scene, leader);
    await scene.fault(`DROP TABLE ${TABLE}`, () => sql(`DROP TABLE ${TABLE};`));
    const gone = await sql(`SELECT to_regclass('${TABLE}') IS NULL;`);
    scene.prove("the table is gone", gone[0]?.[0] === "t");
    await scene.step("Confine: what was written before is in the vault", () => archiveAll(scene, leader));
    const machines = restoreMachinesOf(scene);
    const request = { to: before.time, region: scene.id, database, tables: [`public.${TABLE}`] };
    const result = await scene.step(`Recover: npx dr restore --to ${before.time} --table ${TABLE}`, () =>
      runRestore(
        {
          ...{ machines, settings: scene.settings, contract: scene.running.contract },
          say: () => {},
          sleep: async (millis) => void (await sleep(millis)),
          date: () => new Date(),
          // A person looks before the second answer.
          async confirm(question) {
            if (!question.includes("Bring")) return "yes";
            await scene.step("Validate: the table is there, and the writes up to that moment", async () => {
              const restored = await Restored.at(scene, scene.twin.machine(scene.region.restoreNode));
              const [found] = await restored.sql(content);
              scene.measure({ name: "rows of the table", value: Number(found?.[0]), unit: "" });
              scene.prove("every row of the table is there as it was", found?.join() === sum?.join());
              await restored.holdsWritesUntil(before);
            });
            return "yes";
          },
        },
        request,
      ),
    );
    const { outcome, restored, found } = result;
    scene.prove(outcome.reason, outcome.result === "carried");
    scene.prove(`${found?.tables.length} tables were shown before`, (found?.tables.length ?? 0) > 0);
    scene.measure({
      name: "restored and open for questions",
      value: Object.values(restored?.seconds ?? {}).reduce((total, each) => total + each, 0),
      unit: "s",
    });
    await scene.step("Verify: the table is back as it was, on the replicas too", async () => {
      for (const node of scene.voters) {
        await scene.eventually(
          `${TABLE} on ${node.name}`,
          async () => (await sql(content, node))[0]?.join() === sum?.join(),
        );
      }
      scene.measure({
        name: "from the mistake until the table is back",
        value: scene.sinceFault(),
        unit: "s",
      });
      scene.prove(
        "the restore machine is gone",
        !scene.twin.machines.some(({ spec }) => spec.role === "restore"),
      );
      await sql(`DROP TABLE ${TABLE};`);
    });
  },
};
