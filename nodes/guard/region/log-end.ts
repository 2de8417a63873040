/** The end of PostgreSQL's log on this node, and the mark that says which leader wrote it. */
import { monotonic } from "../shared/clock.js";
import { hexOf } from "../shared/lsn.js";
import { mayAnswer, Psql } from "../shared/postgres.js";
import { type LogEnd, type Mark, NO_MARK } from "./region-facts.js";
import { NOTHING } from "./standby-cluster.js";

const READ_MILLIS = 1000;
/** Shorter than the read's timeout, so that PostgreSQL gives up first: otherwise abandoned sessions pile up while it hangs. */
const STATEMENT_MILLIS = 800;
const MARK_MILLIS = 5000;
/** Pause after PostgreSQL refused a session because it starts or stops: each attempt is a process that slows it down. */
const AGAIN_MILLIS = 300;

/**
 * For a primary, the flushed position: it flushes each commit before it acknowledges it (at the default of
 * synchronous_commit). Not the inserted position: a crash reverts it, and at the end of a page it is beyond the next
 * page's header, which no standby reaches while nothing is written. For a standby, the replayed position: only that can
 * be read and served. A server that was started in recovery after a clean shutdown has replayed everything, including
 * the shutdown's checkpoint.
 *
 * The same row shows a standby's progress: it waits at `RecoveryWalStream` and `RecoveryRetrieveRetryInterval` after all
 * sources, the archive first, had no more; at `RestoreCommand` it is still waiting for an answer.
 *
 * The query reads once whether PostgreSQL is in recovery, because a promotion may happen between two calls in one
 * statement. PostgreSQL moves no condition into a subquery with a volatile function.
 */
const LOG = `SELECT 'log', recovering, pg_wal_lsn_diff(
    CASE WHEN recovering THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END, '0/0'),
  CASE WHEN NOT recovering THEN pg_walfile_name(pg_current_wal_insert_lsn()) END,
  CASE WHEN recovering THEN floor(extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000) END,
  CASE WHEN recovering THEN EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') END,
  CASE WHEN recovering THEN current_setting('restore_command') NOT IN ('', '${NOTHING}') END,
  CASE WHEN recovering THEN EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup'
    AND wait_event IN ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')) END
  FROM (SELECT pg_is_in_recovery() AS recovering OFFSET 0) AS server`;

const TABLE = "SELECT 'table', to_regclass('dr.mark') IS NOT NULL";
const MARK = "SELECT 'mark', epoch, timeline FROM dr.mark ORDER BY epoch DESC, timeline DESC LIMIT 1";

export class RunningLog {
  private session: { readonly psql: Psql; hasTable: boolean } | undefined;
  private isMarking = false;
  private refusedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly openPsql: () => Psql = () => new Psql(),
    private readonly isUp: () => boolean = mayAnswer,
  ) {}

  /** @throws Error when PostgreSQL accepts no connection, doesn't answer within a second, or reports no log position. */
  async readEnd(): Promise<LogEnd> {
    const startedAt = monotonic();
    const isNew = !this.session || this.session.psql.hasEnded;
    // This runs several times a second: while PostgreSQL isn't listening, a process each time would delay its start.
    if (isNew && !this.isUp()) throw new Error("PostgreSQL is not listening");
    if (isNew && startedAt - this.refusedAt < AGAIN_MILLIS)
      throw new Error("PostgreSQL has just refused a session");
    if (isNew) this.session = { psql: this.openPsql(), hasTable: false };
    const session = this.session as NonNullable<typeof this.session>;
    const ask = (...statements: string[]) => session.psql.query(statements.join("; "), READ_MILLIS);
    const settings = isNew ? [`SET statement_timeout TO ${STATEMENT_MILLIS}`] : [];
    try {
      // The position first, in a separate statement: it belongs to the history of the mark that is read after it, or
      // to an earlier part of that history. In the other order, a mark that another region's mark has since followed
      // would appear to reach as far as that region's log.
      const rows = await ask(...settings, LOG, session.hasTable ? MARK : TABLE);
      if (!session.hasTable && valuesOf(rows, "table")?.[0] === "t") {
        session.hasTable = true;
        rows.push(...(await ask(MARK)));
      }
      return { startedAt, ...endOf(rows) };
    } catch (error) {
      // A server that was rewound or recreated may have lost the table.
      session.hasTable = false;
      if (isNew) this.refusedAt = startedAt;
      throw error;
    }
  }

  /**
   * Writes the mark into the log, and waits for synchronous standbys as any commit does. Writes even when the row
   * exists: the commit that created it may not have waited for the standbys.
   * @throws Error when the standbys may not have the mark, when this server isn't a primary or is on another timeline,
   * and while another call writes a mark. The log may contain the mark nevertheless.
   */
  async markLog(mark: Mark): Promise<void> {
    const { epoch, timeline } = mark;
    if (![epoch, timeline].every((number) => Number.isSafeInteger(number) && number > 0))
      throw new Error(`${JSON.stringify(mark)} is not a mark`);
    if (this.isMarking) throw new Error("another mark is being written");
    this.isMarking = true;
    // A separate session: its wait must not delay readings.
    const psql = this.openPsql();
    try {
      const rows = await psql.query(marking(mark, MARK_MILLIS / 2), MARK_MILLIS, "fail");
      if (!rows.some(([first, second]) => Number(first) === epoch && Number(second) === timeline))
        throw new Error(`the log is not on timeline ${timeline}`);
    } finally {
      psql.close();
      this.isMarking = false;
    }
  }

  close(): void {
    this.session?.psql.close();
  }
}

/** Statements that write a mark if the server is on its timeline. The last one returns the mark. */
export const markStatements = ({ epoch, timeline }: Mark): readonly string[] => [
  "CREATE SCHEMA IF NOT EXISTS dr",
  "CREATE TABLE IF NOT EXISTS dr.mark (epoch bigint, timeline bigint, PRIMARY KEY (epoch, timeline))",
  // Checked inside the session, where the timeline can't change: a session ends with its server's timeline.
  `INSERT INTO dr.mark SELECT ${epoch}, ${timeline}
    WHERE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) = '${hexOf(timeline)}'
    ON CONFLICT (epoch, timeline) DO UPDATE SET epoch = excluded.epoch RETURNING epoch, timeline`,
];

const marking = (mark: Mark, lockMillis: number): string =>
  [
    // No notice that the schema or the table exists.
    "SET client_min_messages TO warning",
    // Limits the wait behind an abandoned session that waits for a standby. PostgreSQL has no limit for that wait
    // itself: one session stays until the standby is back, but only one.
    `SET lock_timeout TO ${lockMillis}`,
    "BEGIN READ WRITE",
    "SET LOCAL synchronous_commit TO on",
    ...markStatements(mark),
    "COMMIT",
  ].join("; ");

/** The columns after the first one, which names the kind of row. */
const valuesOf = (rows: readonly string[][], what: string): string[] | undefined =>
  rows.find(([first]) => first === what)?.slice(1);

function endOf(rows: readonly string[][]): Omit<LogEnd, "startedAt"> {
  const [recovering, position, file, commit, streaming, archive, waiting] = valuesOf(rows, "log") ?? [];
  if (recovering === undefined) throw new Error("PostgreSQL reported no log position");
  if (recovering !== "t" && recovering !== "f") throw new Error(`pg_is_in_recovery() is '${recovering}'`);
  const mark = valuesOf(rows, "mark");
  return {
    isPrimary: recovering === "f",
    ...(recovering === "f"
      ? { timeline: timelineOf(file) }
      : {
          replay: {
            ...(commit && { wallMillis: whole("commit", commit) }),
            isStreaming: streaming === "t",
            usesArchive: archive === "t",
            isWaiting: waiting === "t",
          },
        }),
    mark: mark ? { epoch: whole("epoch", mark[0]), timeline: whole("timeline", mark[1]) } : NO_MARK,
    lsn: whole("position", position),
  };
}

/** An empty column means null, which must not become 0. */
function whole(what: string, text: string | undefined): number {
  if (text && /^\d{1,15}$/.test(text)) return Number(text);
  throw new Error(`the log's ${what} is '${text}'`);
}

/** The timeline is the first third of a WAL file's name. */
function timelineOf(file: string | undefined): number {
  if (file && /^[0-9A-F]{24}$/.test(file)) return Number.parseInt(file.slice(0, 8), 16);
  throw new Error(`the log's file is '${file}'`);
}
