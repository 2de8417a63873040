/**
 * The slots of an active region's leader, one for each database: they keep changes decodable that the other region has
 * not confirmed. Uses separate sessions with time limits, so that nothing else waits for them.
 */
import { lsnText } from "../shared/lsn.js";
import { Psql, psqlCommand } from "../shared/postgres.js";
import { SLOT_PLUGIN, type SlotFacts, type SlotStep, slotOf, slotSteps } from "./diverged.js";

const READ_MILLIS = 3_000;
/** Creating a slot waits for all running transactions; advancing one reads the WAL in between. */
const STEP_MILLIS = 30_000;
/** Databases beyond this number get no slot. */
export const MOST_DATABASES = 32;

const bytes = (column: string) => `pg_catalog.pg_wal_lsn_diff(${column}, '0/0'::pg_lsn)`;
const OWN = `slot_type = 'logical' AND plugin = '${SLOT_PLUGIN}' AND slot_name LIKE 'dr\\_diverged\\_%'`;

export class DivergedSlots {
  constructor(
    /** The other region's slot in this region. */
    private readonly peerSlot: string,
    private readonly openPsql: (database?: string) => Psql = (database) => new Psql(psqlCommand(database)),
  ) {}

  /** @returns databases whose changes no slot keeps. @throws Error when PostgreSQL refuses, or takes too long. */
  async keep(term: { readonly epoch: number; readonly timeline: number }): Promise<readonly string[]> {
    const { steps, uncovered } = slotSteps(await this.read(), term);
    for (const step of steps) await this.carryOut(step);
    return uncovered;
  }

  /** Drops all of them, on a standby where they no longer keep anything. */
  async dropAll(): Promise<void> {
    await this.ask(
      undefined,
      `SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE ${OWN}`,
    );
  }

  private async read(): Promise<SlotFacts> {
    const rows = await this.ask(
      undefined,
      // A database's name may contain any character.
      `SELECT 'peer', ${bytes("restart_lsn")} FROM pg_catalog.pg_replication_slots
        WHERE slot_name = '${this.peerSlot}' AND wal_status <> 'lost' AND restart_lsn IS NOT NULL;
      SELECT 'slot', slot_name, ${bytes("confirmed_flush_lsn")}, wal_status FROM pg_catalog.pg_replication_slots WHERE ${OWN};
      SELECT 'database', oid, pg_catalog.encode(pg_catalog.convert_to(datname::text, 'UTF8'::name), 'hex'::text) FROM pg_catalog.pg_database
        WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres' ORDER BY oid LIMIT ${MOST_DATABASES};
      SELECT 'room', pg_catalog.current_setting('max_replication_slots'::text)::int - pg_catalog.count(*) FROM pg_catalog.pg_replication_slots`,
    );
    return factsOf(rows);
  }

  private async carryOut(step: SlotStep): Promise<void> {
    switch (step.kind) {
      case "drop":
        await this.ask(undefined, `SELECT pg_catalog.pg_drop_replication_slot('${step.slot}'::name)`);
        return;
      case "create":
        await this.ask(
          step.database,
          `SELECT pg_catalog.pg_create_logical_replication_slot('${step.slot}'::name, '${SLOT_PLUGIN}'::name)`,
          STEP_MILLIS,
        );
        return;
      case "advance":
        await this.ask(
          step.database,
          `SELECT pg_catalog.pg_replication_slot_advance('${step.slot}'::name, '${lsnText(step.to)}'::pg_lsn)`,
          STEP_MILLIS,
        );
    }
  }

  private async ask(database: string | undefined, sql: string, millis = READ_MILLIS): Promise<string[][]> {
    const psql = this.openPsql(database);
    try {
      // PostgreSQL must give up first: otherwise abandoned sessions would pile up.
      return await psql.query(`SET statement_timeout TO ${Math.round(millis * 0.8)}; ${sql}`, millis);
    } finally {
      psql.close();
    }
  }
}

export function factsOf(rows: readonly string[][]): SlotFacts {
  const of = (what: string) => rows.filter(([first]) => first === what).map((row) => row.slice(1));
  const number = (text: string | undefined) => (text ? Number(text) : undefined);
  return {
    confirmed: number(of("peer")[0]?.[0]),
    slots: of("slot")
      .map(([name = "", confirmed, status]) => ({
        name,
        confirmed: number(confirmed),
        isLost: status === "lost",
      }))
      .filter(({ name }) => slotOf(name)),
    databases: of("database").map(([oid, name = ""]) => ({
      oid: Number(oid),
      name: Buffer.from(name, "hex").toString("utf8"),
    })),
    room: Number(of("room")[0]?.[0] ?? 0),
  };
}
