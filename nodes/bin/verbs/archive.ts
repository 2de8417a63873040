/** Which segments of the log a region's own archive should hold, and lacks. Pure. */
import type { Switch } from "../../guard/leader/timelines.js";
import { hexOf } from "../../guard/shared/lsn.js";
import type { Backup, Listing } from "./repository.js";

/** PostgreSQL's default, which every cluster of this project has. */
const SEGMENT_BYTES = 16 * 1024 ** 2;
const SEGMENTS_PER_LOG = 2 ** 32 / SEGMENT_BYTES;

export const segmentName = (timeline: number, segment: number): string =>
  hexOf(timeline) + hexOf(Math.floor(segment / SEGMENTS_PER_LOG)) + hexOf(segment % SEGMENTS_PER_LOG);

/** Of the last 16 digits. */
export const segmentNumber = (name: string): number =>
  Number.parseInt(name.slice(-16, -8), 16) * SEGMENTS_PER_LOG + Number.parseInt(name.slice(-8), 16);

const timelineOf = (name: string): number => Number.parseInt(name.slice(0, 8), 16);

export interface Contents {
  /** Timelines whose history file is there. */
  readonly histories: ReadonlySet<number>;
  /** Timeline → numbers of its segments. */
  readonly segments: ReadonlyMap<number, ReadonlySet<number>>;
}

/** What an archive's objects are. What only begins a segment (`.partial`) is none. */
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
 * Up to which segment everything was archived, by pg_stat_archiver's `last_archived_wal`: the archiver goes by name.
 * Undefined where it tells of none: what a new leader archives first is its timeline's history.
 */
export function archivedUntil(last: string): Until | undefined {
  const [, name, partial] = /^([0-9A-F]{24})(?:(\.partial)|\.[0-9A-F]{8}\.backup)?$/.exec(last) ?? [];
  if (name === undefined) return undefined;
  // What only begins a segment is of no use; the timeline that goes on from there has all of it.
  return { timeline: timelineOf(name), segment: segmentNumber(name) - (partial ? 1 : 0) };
}

/**
 * Names of the segments that are not there, in their order.
 *
 * A region may have been active more than once, and its archive then begins and ends in the middle of the line. A
 * timeline is its own when its history file is there; what lies in the other region's archive is told there.
 * @param start the segment with which the oldest backup begins, by name
 * @param history of the last timeline
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
    // Of the segment in which a timeline begins there are two: the younger one's has the older one's log, too.
    const older = history.find(({ end }) => segment < Math.floor(end / SEGMENT_BYTES));
    const timeline = older?.timeline ?? until.timeline;
    if (own.has(timeline) && !archive.segments.get(timeline)?.has(segment))
      absent.push(segmentName(timeline, segment));
  }
  return absent;
}

/**
 * Whether a later backup made up for a hole, so that only moments before that one can't be restored: a full one, which
 * was begun when the hole had been noticed.
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
