/** PostgreSQL's log on this node: where it ends, whose it is, and the mark that says so. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { IMAGE_PATHS } from "../../layout.js";
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
  /** The newest mark that was read while this node was primary. */
  private lastMark: Mark | undefined;

  constructor(
    private readonly dataDirectory: string,
    private readonly open: () => Psql = () => new Psql(),
    private readonly controlData: (dataDirectory: string) => Promise<string> = readControlData,
  ) {}

  async end(): Promise<LogEnd> {
    const startedAt = monotonic();
    try {
      const end = await this.ofRunning(startedAt);
      this.lastMark = end.isPrimary ? end.mark : undefined;
      return end;
    } catch (error) {
      // A primary that has been stopped has come to its end: nobody need wait until it is there again as a standby.
      const stopped = this.lastMark && (await this.ofStopped(startedAt, this.lastMark));
      if (!stopped) throw error;
      return stopped;
    }
  }

  /** @returns undefined when it isn't a primary that was shut down cleanly. */
  private async ofStopped(startedAt: number, mark: Mark): Promise<LogEnd | undefined> {
    const text = await this.controlData(this.dataDirectory).catch(() => "");
    const of = (name: string) => new RegExp(`^${name}: +(.*)$`, "m").exec(text)?.[1];
    const checkpoint = lsnOf(of("Latest checkpoint location"));
    if (of("Database cluster state") !== "shut down" || checkpoint === undefined) return undefined;
    // Past the beginning of the last record: who is there has all of it.
    return { startedAt, isPrimary: false, mark, lsn: checkpoint + 1 };
  }

  private async ofRunning(startedAt: number): Promise<LogEnd> {
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
      return this.ofRunning(startedAt);
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

const PG_CONTROLDATA = `${IMAGE_PATHS.postgresBin}/pg_controldata`;

async function readControlData(dataDirectory: string): Promise<string> {
  const { stdout } = await promisify(execFile)(PG_CONTROLDATA, ["-D", dataDirectory], {
    timeout: 1000,
    env: { LC_ALL: "C" },
  });
  return stdout;
}

/** `16/B374D848`: two halves in hexadecimal. Exact up to 2^53 bytes, eight petabytes. */
function lsnOf(text: string | undefined): number | undefined {
  const [, high, low] = /^([0-9A-F]+)\/([0-9A-F]+)$/.exec(text ?? "") ?? [];
  return high && low ? Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16) : undefined;
}
