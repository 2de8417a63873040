/** How far the log of the PostgreSQL on this node goes, and whose it is. */
import { monotonic } from "../shared/clock.js";
import { hexOf } from "../shared/lsn.js";
import { mayAnswer, Psql } from "../shared/postgres.js";
import { type LogEnd, type Mark, NO_MARK } from "./region-facts.js";
import { NOTHING } from "./standby-cluster.js";

const READ_MILLIS = 1000;
/** Less than that: PostgreSQL gives up first, or sessions that nobody waits for would pile up while it hangs. */
const STATEMENT_MILLIS = 800;
const MARK_MILLIS = 5000;
/** After a session that PostgreSQL did not take, for it starts or stops: each is a process, and it needs the time. */
const AGAIN_MILLIS = 300;

/**
 * Of a primary the flushed position: each commit that it acknowledges (at the default of synchronous_commit) is
 * flushed here before. Not the inserted one, which a crash takes back, and which at the end of a page stands behind
 * the next page's header, where no standby's position ever comes while nothing is written. Of a standby what it has
 * replayed, for only that can be seen and served; after a clean shutdown a server that was started in recovery has
 * replayed all, the shutdown's checkpoint included.
 *
 * How a standby gets on, in the same row: `RecoveryWalStream` and `RecoveryRetrieveRetryInterval` are where it waits
 * after all sources, the archive first, have said that there is no more; at `RestoreCommand` it has still to hear.
 *
 * In recovery or not is asked once: PostgreSQL may be promoted between two questions of one statement. From a
 * subquery with a volatile function no condition is moved inwards.
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

  /** @throws Error when PostgreSQL doesn't answer within a second, can't be connected to, or says nothing of its log. */
  async readEnd(): Promise<LogEnd> {
    const startedAt = monotonic();
    const isNew = !this.session || this.session.psql.hasEnded;
    // Asked several times a second: while nobody listens a process each time would keep PostgreSQL from its start.
    if (isNew && !this.isUp()) throw new Error("PostgreSQL does not listen");
    if (isNew && startedAt - this.refusedAt < AGAIN_MILLIS)
      throw new Error("PostgreSQL has just refused a session");
    if (isNew) this.session = { psql: this.openPsql(), hasTable: false };
    const session = this.session as NonNullable<typeof this.session>;
    const ask = (...statements: string[]) => session.psql.query(statements.join("; "), READ_MILLIS);
    const settings = isNew ? [`SET statement_timeout TO ${STATEMENT_MILLIS}`] : [];
    try {
      // The position first, by a statement of its own. Whatever it is, it belongs to the history of a mark that is
      // read after it, or to that which led there. The other way round a mark that has since been followed by
      // another region's would be said to reach as far as that one's log.
      const rows = await ask(...settings, LOG, session.hasTable ? MARK : TABLE);
      if (!session.hasTable && valuesOf(rows, "table")?.[0] === "t") {
        session.hasTable = true;
        rows.push(...(await ask(MARK)));
      }
      return { startedAt, ...endOf(rows) };
    } catch (error) {
      // A server that was rewound or made anew may not have it any more.
      session.hasTable = false;
      if (isNew) this.refusedAt = startedAt;
      throw error;
    }
  }

  /**
   * Writes the mark into the log, and waits for synchronous standbys as any commit does. Each call writes: where
   * the row stands already, its own commit's wait may have been cut short.
   * @param timeoutMillis default 5000
   * @throws Error when it isn't certain that standbys have it, this server is no primary or on another timeline, or
   * a mark is being written. It may be in the log all the same.
   */
  async markLog(mark: Mark, timeoutMillis = MARK_MILLIS): Promise<void> {
    const { epoch, timeline } = mark;
    if (![epoch, timeline].every((number) => Number.isSafeInteger(number) && number > 0))
      throw new Error(`${JSON.stringify(mark)} is no mark`);
    if (this.isMarking) throw new Error("a mark is being written");
    this.isMarking = true;
    // A session of its own: its wait must not keep readings waiting.
    const psql = this.openPsql();
    try {
      const rows = await psql.query(marking(mark, Math.round(timeoutMillis / 2)), timeoutMillis, "fail");
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

/** What writes a mark, if the server is on its timeline. The last statement returns it. */
export const markStatements = ({ epoch, timeline }: Mark): readonly string[] => [
  "CREATE SCHEMA IF NOT EXISTS dr",
  "CREATE TABLE IF NOT EXISTS dr.mark (epoch bigint, timeline bigint, PRIMARY KEY (epoch, timeline))",
  // Checked where it can't change any more: a session doesn't outlive its server's timeline.
  `INSERT INTO dr.mark SELECT ${epoch}, ${timeline}
    WHERE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) = '${hexOf(timeline)}'
    ON CONFLICT (epoch, timeline) DO UPDATE SET epoch = excluded.epoch RETURNING epoch, timeline`,
];

const marking = (mark: Mark, lockMillis: number): string =>
  [
    // Not what is there already.
    "SET client_min_messages TO warning",
    // Behind a session that waits for a standby and that nobody waits for any more. That wait itself has no limit
    // in PostgreSQL: its session stays until the standby is back, but only one.
    `SET lock_timeout TO ${lockMillis}`,
    "BEGIN READ WRITE",
    "SET LOCAL synchronous_commit TO on",
    ...markStatements(mark),
    "COMMIT",
  ].join("; ");

/** The columns after the first one, which says what the row is. */
const valuesOf = (rows: readonly string[][], what: string): string[] | undefined =>
  rows.find(([first]) => first === what)?.slice(1);

function endOf(rows: readonly string[][]): Omit<LogEnd, "startedAt"> {
  const [recovering, position, file, commit, streaming, archive, waiting] = valuesOf(rows, "log") ?? [];
  if (recovering === undefined) throw new Error("PostgreSQL says nothing of its log");
  if (recovering !== "t" && recovering !== "f") throw new Error(`in recovery is '${recovering}'`);
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

/** An empty column is null, and must not become 0. */
function whole(what: string, text: string | undefined): number {
  if (text && /^\d{1,15}$/.test(text)) return Number(text);
  throw new Error(`the log's ${what} is '${text}'`);
}

/** First third of the name of a file of the log. */
function timelineOf(file: string | undefined): number {
  if (file && /^[0-9A-F]{24}$/.test(file)) return Number.parseInt(file.slice(0, 8), 16);
  throw new Error(`the log's file is '${file}'`);
}
