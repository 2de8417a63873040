/** Finds the WAL segments that a region's own archive should contain, and lacks. Pure. */
import type { Switch } from "../../guard/leader/timelines.js";
import { hexOf } from "../../guard/shared/lsn.js";
import type { Backup, Listing } from "./repository.js";

/** PostgreSQL's default, which every cluster of this project uses. */
const SEGMENT_BYTES = 16 * 1024 ** 2;
const SEGMENTS_PER_LOG = 2 ** 32 / SEGMENT_BYTES;

export const segmentName = (timeline: number, segment: number): string =>
  hexOf(timeline) + hexOf(Math.floor(segment / SEGMENTS_PER_LOG)) + hexOf(segment % SEGMENTS_PER_LOG);

/** From the last 16 digits of the name. */
export const segmentNumber = (name: string): number =>
  Number.parseInt(name.slice(-16, -8), 16) * SEGMENTS_PER_LOG + Number.parseInt(name.slice(-8), 16);

const timelineOf = (name: string): number => Number.parseInt(name.slice(0, 8), 16);

export interface Contents {
  /** Timelines whose history file is archived. */
  readonly histories: ReadonlySet<number>;
  /** Timeline → numbers of its segments. */
  readonly segments: ReadonlyMap<number, ReadonlySet<number>>;
}

/** Classifies an archive's objects. A partial segment (`.partial`) doesn't count. */
export function contents(listed: Listing | readonly string[]): Contents {
  const histories = new Set<number>();
  const segments = new Map<number, Set<number>>();
  for (const name of Array.isArray(listed) ? listed : Object.keys(listed)) {
    const [, history] = /(?:^|\/)([0-9A-F]{8})\.history$/.exec(name) ?? [];
    const [, segment] = /(?:^|\/)([0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?$/.exec(name) ?? [];
    if (history) histories.add(timelineOf(history));
    if (!segment) continue;
    const timeline = timelineOf(segment);
    segments.set(timeline, (segments.get(timeline) ?? new Set()).add(segmentNumber(segment)));
  }
  return { histories, segments };
}

export interface Until {
  readonly timeline: number;
  readonly segment: number;
}

/**
 * The segment up to which everything is archived, from pg_stat_archiver's `last_archived_wal`: the archiver works in the
 * order of names. Undefined when that isn't a segment: a new leader first archives its timeline's history.
 */
export function archivedUntil(last: string): Until | undefined {
  const [, name, partial] = /^([0-9A-F]{24})(?:(\.partial)|\.[0-9A-F]{8}\.backup)?$/.exec(last) ?? [];
  if (name === undefined) return undefined;
  // A partial segment doesn't count: the timeline that continues there has all of it.
  return { timeline: timelineOf(name), segment: segmentNumber(name) - (partial ? 1 : 0) };
}

/**
 * Names of the missing segments, in their order.
 *
 * A region may have been active more than once; its archive then begins and ends in the middle of the line. A timeline
 * belongs to the region if its history file is archived here; the other region reports holes in its own archive.
 * @param start name of the first segment that the oldest backup needs
 * @param history the last timeline's history
 */
export function missing(
  start: string,
  until: Until,
  history: readonly Switch[],
  archive: Contents,
): string[] {
  const own = new Set([timelineOf(start), until.timeline, ...archive.histories]);
  const absent: string[] = [];
  for (let segment = segmentNumber(start); segment <= until.segment; segment++) {
    // The segment in which a timeline begins exists on both timelines: the younger one's contains the older one's log too.
    const older = history.find(({ end }) => segment < Math.floor(end / SEGMENT_BYTES));
    const timeline = older?.timeline ?? until.timeline;
    if (own.has(timeline) && !archive.segments.get(timeline)?.has(segment))
      absent.push(segmentName(timeline, segment));
  }
  return absent;
}

/**
 * Whether a later backup made up for a hole, so that only times before that backup can't be restored: a full backup that
 * began after the hole was noticed.
 * @param noticed seconds since 1970
 */
export const leftBehind = (
  name: string,
  noticed: number,
  backups: readonly Pick<Backup, "type" | "error" | "archive" | "timestamp">[],
): boolean =>
  backups.some(
    ({ type, error, archive, timestamp }) =>
      type === "full" &&
      !error &&
      (archive.start ?? "").slice(8) > name.slice(8) &&
      timestamp.start >= noticed,
  );
