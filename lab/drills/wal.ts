/** WAL, as much as one wants, without rows: for what happens when there is a lot of it. */
import type { Machine } from "../twin/types.js";
import type { Scene } from "./scene.js";

/** Writes so much WAL on the leader, in messages that no client reads. @throws Error with psql's words. */
export async function writeWal({ database }: Scene, leader: Machine, mib: number): Promise<void> {
  await database.sql(
    leader,
    `SELECT count(pg_logical_emit_message(false, 'drill', repeat('x', 1048576))) FROM generate_series(1, ${mib});`,
  );
}

export interface Slot {
  readonly active: boolean;
  /** `reserved`, `extended`, `unreserved`, `lost`. */
  readonly status: string;
  /** Where what it holds begins; undefined when it holds nothing. */
  readonly restartLsn?: string;
  /** What it holds, MiB. */
  readonly heldMib: number;
}

/** @returns undefined when there is no such slot. */
export async function slotOf({ database }: Scene, leader: Machine, name: string): Promise<Slot | undefined> {
  const [row] = await database.sql(
    leader,
    `SELECT active, wal_status, restart_lsn, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0) / 1048576 FROM pg_replication_slots WHERE slot_name = '${name}';`,
  );
  if (!row) return undefined;
  const [active, status = "", restartLsn, held] = row;
  return { active: active === "t", status, restartLsn: restartLsn || undefined, heldMib: Number(held) };
}

/** What `pg_wal` takes on the leader's volume, MiB. */
export async function walOnDiskMib({ database }: Scene, leader: Machine): Promise<number> {
  const [row] = await database.sql(leader, "SELECT sum(size) / 1048576 FROM pg_ls_waldir();");
  return Number(row?.[0]);
}
