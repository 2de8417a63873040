/** The age of the oldest write that isn't in the vault yet. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { connectionTo, LIVE, sql } from "./sql.js";

const ANSWER_MILLIS = 10_000;

const LAST = `SELECT coalesce(last_archived_wal, ''), pg_walfile_name(pg_current_wal_lsn()) <> pg_walfile_name(pg_current_wal_insert_lsn())
  OR coalesce(pg_walfile_name(pg_current_wal_lsn()) > last_archived_wal, true) FROM pg_stat_archiver`;

/** The first row of an answer. @throws Error when PostgreSQL doesn't answer */
export const askLive = async (statement: string): Promise<string[]> =>
  (await sql(connectionTo(LIVE), statement, ANSWER_MILLIS)).split("\t");

export interface Archived {
  /** `last_archived_wal`; empty before anything was archived. */
  readonly last: string;
  readonly ageSeconds: number;
}

/** Works locally, so that it reports while the vault doesn't answer. @param now seconds since 1970 */
export async function archived(
  dataDirectory: string,
  archiveTimeoutSeconds: number,
  now: number,
  ask: (statement: string) => Promise<string[]> = askLive,
): Promise<Archived> {
  const [last = "", behind] = await ask(LAST);
  const isWaiting = readdirSync(join(dataDirectory, "pg_wal/archive_status")).some((name) =>
    name.endsWith(".ready"),
  );
  const of = { last, isBehind: behind === "t", isWaiting };
  return { last, ageSeconds: unarchivedSeconds(dataDirectory, of, archiveTimeoutSeconds, now) };
}

/**
 * The oldest write that isn't in the vault came after the newest archived segment was complete: the time when that
 * segment's file was last written.
 *
 * `isWaiting`: complete segments wait for the archiver. Otherwise only the segment under writing is not archived, and its
 * relevant writes are no older than the archive timeout.
 */
export function unarchivedSeconds(
  dataDirectory: string,
  {
    last,
    isBehind,
    isWaiting,
  }: { readonly last: string; readonly isBehind: boolean; readonly isWaiting: boolean },
  archiveTimeoutSeconds: number,
  now: number,
): number {
  if (!isBehind) return 0;
  const most = isWaiting ? now : archiveTimeoutSeconds;
  // If the segment was recycled, PG_VERSION counts: much has been written since, and the archive is far behind. Before
  // anything is archived `last` is empty, and the time of pg_wal counts.
  for (const file of [join("pg_wal", last), "PG_VERSION"]) {
    const found = statSync(join(dataDirectory, file), { throwIfNoEntry: false });
    if (found) return Math.min(now - found.mtimeMs / 1000, most);
  }
  return 0;
}
