/** The rows that only an old region's node had, as it saved them to the vault. */
import { gunzipSync } from "node:zlib";
import type { SaveRecord } from "../../../../nodes/guard/region/region-facts.js";
import { DIVERGED_PREFIX } from "../../../../nodes/render/node-env.js";
import type { RegionId } from "../../../../settings/stacks.js";
import type { Machine } from "../../../twin/types.js";
import { TABLES } from "../../../workload/config.js";
import type { WriteEvent } from "../../../workload/events.js";
import { lostRows, type RowId } from "../../lost-rows.js";
import { Tables } from "../../workload-tables.js";
import type { RegionScene } from "./region-scene.js";

const KEPT_SECONDS = 120;
/** Recovery, decoding and stop, on a host that others use too. */
const SAVED_SECONDS = 180;

/** Waits until the leader of the active region keeps a slot for the workload's database, moved on at least once. */
export async function keepsChanges(scene: RegionScene): Promise<Machine> {
  const leader = await scene.leader();
  await scene.eventually(
    `a slot of ${leader.name} that the other region has confirmed`,
    async () => {
      const [row] = await scene.database.sql(
        leader,
        `SELECT count(*) FROM pg_replication_slots AS own, pg_replication_slots AS peer WHERE own.slot_name LIKE 'dr\\_diverged\\_%'
          AND own.database = '${databaseOf(scene)}' AND peer.slot_name LIKE 'standby\\_%' AND own.confirmed_flush_lsn <= peer.restart_lsn;`,
      );
      return row?.[0] === "1";
    },
    KEPT_SECONDS,
  );
  return leader;
}

/** Waits until the record of what the region acknowledged in that epoch is in the vault, decoded. */
export async function seeSaved(scene: RegionScene, region: RegionId, epoch: number): Promise<SaveRecord> {
  const record = await scene.step(`Extract: ${region} hands in what only it has`, () =>
    scene.eventually(
      `what ${region} saved, in its vault`,
      async () => {
        const { vaults } = scene.running;
        const keys = await vaults.list(region, `${DIVERGED_PREFIX}/`);
        const key = keys.find((each) => each.includes(`-epoch${epoch}-`) && each.endsWith(".json"));
        return key
          ? (JSON.parse(Buffer.from(await vaults.read(region, key)).toString("utf8")) as SaveRecord)
          : undefined;
      },
      SAVED_SECONDS,
    ),
  );
  scene.prove(
    `its old leader decoded what only it had: ${[record.state, record.note].filter(Boolean).join(", ")}`,
    record.state === "saved",
  );
  return record;
}

/**
 * What the old region saved must contain every acknowledged row that the active region lacks.
 * @param mustBeSome else the drill has shown nothing
 */
export async function compareWithLost(
  scene: RegionScene,
  region: RegionId,
  record: SaveRecord,
  mustBeSome = true,
): Promise<void> {
  // First what was promised, then what is there.
  const acknowledged = [...scene.ledger.writes];
  const rows = await new Tables(scene.database, databaseOf(scene)).rows(await scene.leader());
  const { regionOf } = scene.observations();
  const lost = lostRows(acknowledged, rows).filter(({ node }) => node && regionOf(node) === region);
  const saved = new Set((await savedRows(scene, region, record)).map(key));
  const missing = lost.filter((write: WriteEvent) => !saved.has(key(write)));
  scene.prove(
    `${lost.length} acknowledged rows are lost, and ${saved.size} rows were saved, acknowledged or not`,
    lost.length > 0 || !mustBeSome,
  );
  scene.measure({ name: "lost rows that were saved", value: lost.length - missing.length, unit: "" });
  scene.measure({ name: "lost rows that were not saved", value: missing.length, unit: "", atMost: 0 });
  const present = new Set(rows.map(key));
  const both = [...saved].filter((row) => present.has(row)).length;
  scene.measure({ name: "saved rows that came over all the same", value: both, unit: "" });
}

const key = ({ worker, sequence }: RowId): string => `${worker}/${sequence}`;
const databaseOf = ({ settings }: RegionScene): string => settings.databases[0]?.name ?? "";

async function savedRows(scene: RegionScene, region: RegionId, { files = [] }: SaveRecord): Promise<RowId[]> {
  const texts = await Promise.all(
    files.map(async (name) =>
      gunzipSync(await scene.running.vaults.read(region, `${DIVERGED_PREFIX}/${name}`)).toString("utf8"),
    ),
  );
  return texts.flatMap((text) => text.split("\n").map(rowOf)).filter((row) => row !== undefined);
}

/** A row of the writers' table, as `test_decoding` has it. */
function rowOf(line: string): RowId | undefined {
  const insert = new RegExp(
    `table public\\.${TABLES.writes}: INSERT: worker\\[integer\\]:(\\d+) sequence\\[bigint\\]:(\\d+)`,
  );
  const [, worker, sequence] = insert.exec(line) ?? [];
  return sequence === undefined ? undefined : { worker: Number(worker), sequence: Number(sequence) };
}
