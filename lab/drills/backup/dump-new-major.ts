import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import { newestDump, provesSealed } from "./stage/dumps.js";
import { NewerPostgres } from "./stage/newer-postgres.js";
import { script } from "./stage/node-script.js";
import { judgeWrites, WRITES } from "./stage/restored.js";
import { QUICK_ARCHIVE } from "./stage/steps.js";

/** Load before the dump: rows that must be in it. */
const SERVE_SECONDS = 3;

export const dumpNewMajor: Drill = {
  name: "dump-new-major",
  title: "A dump of the serving cluster is restored into a newer major version of PostgreSQL",
  runbook: "newer-major-version.md",
  nightly: true,
  hypothesis:
    "A replica dumps every database while the cluster serves on; what lies in the vault is encrypted and locked. A server of a newer major version, which can do nothing with a physical backup, takes the dump: every table has the rows that were counted in the dump's snapshot, and every write acknowledged before it began is there.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const [database = { name: "postgres" }] = scene.settings.databases;
    const [replica] = await scene.replicas();
    if (!replica) throw new Error("no replica to make a dump on");
    await scene.step(`It serves for ${SERVE_SECONDS} s`, () => scene.settle(SERVE_SECONDS));
    const before = now();
    await scene.fault(`Dump: ${replica.name} dumps while writes go on`, () =>
      script(replica, "dr-backup --type dump", 120),
    );
    const after = now();
    const dump = await newestDump(scene);
    await scene.step("Look: it is whole, encrypted and locked", () => provesSealed(scene, dump));
    const machine = await scene.step("Provision: a machine beside the cluster", () =>
      scene.running.callRestoreMachine(scene.id, { test: false }),
    );
    try {
      const newer = await scene.step("Install: an empty server of the newer version", () =>
        NewerPostgres.on(scene.twin, machine),
      );
      const [[version = ""] = []] = await newer.sql("SHOW server_version", "postgres");
      const { serverVersion } = dump.record.databases[0] as { serverVersion: string };
      scene.prove(
        `PostgreSQL ${serverVersion} was dumped, ${version} restores`,
        major(version) > major(serverVersion),
      );
      const from = now();
      await scene.step("Restore: roles, then every database", () =>
        script(machine, `dr-restore-dump --from ${dump.name} --into '${newer.connection}'`, 120),
      );
      scene.measure({ name: "dump restored", value: (now() - from) / 1000, unit: "s" });
      await scene.step("Verify: every table's rows, and the writes up to the dump", async () => {
        let [tables, different] = [0, 0];
        for (const { database: name, tables: recorded } of dump.record.databases) {
          for (const table of recorded) {
            const [[rows] = []] = await newer.sql(
              `SELECT count(*) FROM ONLY "${table.schema}"."${table.name}"`,
              name,
            );
            tables++;
            if (Number(rows) !== table.rows) different++;
          }
        }
        scene.prove(
          `${tables} tables were counted in the dump's snapshot and again in the newer version`,
          tables > 0,
        );
        scene.measure({
          name: "tables whose rows differ from what the dump counted",
          value: different,
          unit: "",
          atMost: 0,
        });
        judgeWrites(scene, await newer.sql(WRITES, database.name), { before, after });
      });
    } finally {
      await scene.running.endRestoreMachine(scene.id);
    }
  },
};

const major = (version: string): number => Number.parseInt(version, 10);
