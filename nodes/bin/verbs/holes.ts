/** WAL segments that a restore would not find in the region's archive. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { historyName, type Switch, switchesOf } from "../../guard/leader/timelines.js";
import { monotonic } from "../../guard/shared/clock.js";
import { IMAGE_PATHS } from "../../layout.js";
import { archivedUntil, contents, leftBehind, missing } from "./archive.js";
import { own } from "./files.js";
import { REST_MILLIS } from "./flaws.js";
import { readJson } from "./node-config.js";
import type { Backup, Repository } from "./repository.js";
import type { Store } from "./store.js";

/** In memory: the duration of the last listing of the whole archive, and its time by the machine's monotonic clock. */
const STATE = `${IMAGE_PATHS.run}/check-vault.json`;
/** Lists the whole archive at each run while listing takes at most this share of the time; at least once an hour. */
const LISTING_SHARE = 0.25;
const LISTING_SECONDS = 3600;
const LISTING_MILLIS = 600_000;
/** In etcd: the missing segments, each with the time at which a check first noticed it. */
const HOLES = "backup/holes";
const MOST_HOLES = 1000;

interface State {
  readonly took?: number;
  readonly looked?: number;
}

export interface Holes {
  readonly absent: readonly string[];
  /** All backups of the current database. */
  readonly backups: readonly Backup[];
}

/**
 * Undefined when a listing isn't due yet, or when it is unknown up to where the archive should be complete.
 * @param last `last_archived_wal`
 */
export async function missingSegments(
  repository: Repository,
  stanza: string,
  last: string,
  dataDirectory: string,
): Promise<Holes | undefined> {
  const { took = 0, looked } = loadState();
  const begun = monotonic() / 1000;
  if (looked !== undefined && begun - looked < Math.min(took / LISTING_SHARE, LISTING_SECONDS))
    return undefined;
  const until = archivedUntil(last);
  const found = await repository.info(stanza, { timeoutMillis: REST_MILLIS });
  // No database means that the lists can't be read: another part of the check reports that.
  const current = found?.db.at(-1)?.id;
  if (!found || !until || current === undefined) return undefined;
  // Only backups of the present cluster that have WAL in this repository.
  const backups = found.backup.filter(({ database, archive }) => database.id === current && archive.start);
  const [oldest] = [...backups].sort((a, b) => a.timestamp.stop - b.timestamp.stop);
  if (!oldest) return { absent: [], backups: [] };
  const folder = found.archive.find(({ database }) => database.id === current)?.id;
  if (folder === undefined) throw new Error(`${stanza} has no archive of its current database`);
  const listed = await repository.listing(stanza, `archive/${stanza}/${folder}`, {
    recurse: true,
    timeoutMillis: LISTING_MILLIS,
  });
  const history = await historyOf(repository, stanza, until.timeline, dataDirectory);
  const absent = missing(oldest.archive.start as string, until, history, contents(listed));
  saveState({ took: monotonic() / 1000 - begun, looked: begun });
  return { absent, backups };
}

/** From pg_wal, otherwise from the own archive. If another region began the timeline, only the cluster itself has its history. */
async function historyOf(
  repository: Repository,
  stanza: string,
  timeline: number,
  dataDirectory: string,
): Promise<Switch[]> {
  if (timeline === 1) return [];
  const name = historyName(timeline);
  const local = join(dataDirectory, "pg_wal", name);
  if (existsSync(local)) return switchesOf(readFileSync(local, "utf8"));
  const folder = mkdtempSync(join(tmpdir(), "history-"));
  try {
    await own(folder);
    const args = [`--stanza=${stanza}`, "archive-get", name, join(folder, name)];
    await repository.command(args, { timeoutMillis: REST_MILLIS });
    return switchesOf(readFileSync(join(folder, name), "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Splits the holes: `open` ones, and those that a later backup has left `behind`. @param now seconds since 1970 */
export async function openHoles(
  { absent, backups }: Holes,
  store: Pick<Store, "get" | "put">,
  now: number,
): Promise<{ readonly open: readonly string[]; readonly behind: readonly string[] }> {
  const known = ((await store.get(HOLES)) ?? {}) as Readonly<Record<string, number>>;
  const noticed = Object.fromEntries(absent.slice(0, MOST_HOLES).map((name) => [name, known[name] ?? now]));
  if (!isDeepStrictEqual(noticed, known)) await store.put(HOLES, noticed);
  const isBehind = (name: string) => leftBehind(name, noticed[name] ?? now, backups);
  return { open: absent.filter((name) => !isBehind(name)), behind: absent.filter(isBehind) };
}

function loadState(): State {
  try {
    return readJson(STATE) as State;
  } catch {
    return {};
  }
}

function saveState(state: State): void {
  writeFileSync(`${STATE}.new`, JSON.stringify(state));
  renameSync(`${STATE}.new`, STATE);
}
