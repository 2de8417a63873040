/** PostgreSQL's log on this node: where it ends, whose it is, and the mark that says so. */
import { monotonic } from "../clock.js";
import { Psql } from "../postgres.js";
import { type LogEnd, type Mark, NO_MARK } from "./facts.js";
import type { LocalLog } from "./region.js";

const ANSWER_MILLIS = 1000;
/** A commit that waits for synchronous standbys. */
const COMMIT_MILLIS = 5000;

/**
 * Everything that was acknowledged stands before the flush position; and on a standby what is replayed is what a
 * promotion would start from.
 */
const END = `SELECT 'end', r,
  CASE WHEN r THEN '' ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int::text END,
  pg_wal_lsn_diff(CASE WHEN r THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END, '0/0')
  FROM pg_is_in_recovery() AS r`;
const HAS_MARKS = "SELECT 'has', to_regclass('dr.mark') IS NOT NULL";
const LAST_MARK = "SELECT 'mark', epoch, timeline FROM dr.mark ORDER BY epoch DESC, timeline DESC LIMIT 1";
const MAKE_MARKS = `CREATE SCHEMA IF NOT EXISTS dr;
  CREATE TABLE IF NOT EXISTS dr.mark (epoch bigint, timeline bigint, at timestamptz DEFAULT now(), PRIMARY KEY (epoch, timeline))`;

export class PostgresLog implements LocalLog {
  private psql: Psql | undefined;
  private hasMarks = false;
  private busy = false;

  constructor(private readonly open: () => Psql = () => new Psql()) {}

  async end(): Promise<LogEnd> {
    const startedAt = monotonic();
    // The mark first: the position that is read after it is at least as far.
    const rows = await this.ask(`${this.hasMarks ? LAST_MARK : HAS_MARKS}; ${END}`, ANSWER_MILLIS);
    const of = (name: string) => rows.find(([first]) => first === name);
    const [, recovery, timeline, lsn] = of("end") ?? [];
    const position = Number(lsn);
    if (!recovery || !lsn || !Number.isFinite(position))
      throw new Error("PostgreSQL doesn't say where its log ends");
    const isPrimary = recovery === "f";
    if (!this.hasMarks && of("has")?.[1] === "t") {
      this.hasMarks = true;
      return this.end();
    }
    const [, epoch, markTimeline] = of("mark") ?? [];
    return {
      startedAt,
      isPrimary,
      timeline: isPrimary ? Number(timeline) : undefined,
      mark: epoch ? { epoch: Number(epoch), timeline: Number(markTimeline) } : NO_MARK,
      lsn: position,
    };
  }

  /** The table is made where there is none: on the first leader of all. */
  async mark({ epoch, timeline }: Mark): Promise<void> {
    const insert = `INSERT INTO dr.mark (epoch, timeline) VALUES (${epoch}, ${timeline}) ON CONFLICT DO NOTHING`;
    await this.ask(`${this.hasMarks ? "" : `${MAKE_MARKS};`} ${insert}`, COMMIT_MILLIS);
  }

  private async ask(sql: string, timeoutMillis: number): Promise<string[][]> {
    if (this.busy) throw new Error("PostgreSQL has not answered the last question yet");
    this.busy = true;
    this.psql ??= this.open();
    try {
      return await this.psql.query(sql, timeoutMillis);
    } catch (error) {
      // Its answer may come later and would be taken for the next one's.
      this.psql?.close();
      this.psql = undefined;
      // What it connects to next may be another copy of the data.
      this.hasMarks = false;
      throw error;
    } finally {
      this.busy = false;
    }
  }
}
