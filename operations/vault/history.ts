/** The histories of a versioned bucket's objects, and what follows from them: hidden, overwritten, current at a time. Pure. */

/** A version of an object, or a delete marker. */
export interface Entry {
  readonly key: string;
  readonly versionId: string;
  readonly isMarker: boolean;
  readonly isLatest: boolean;
  /** Milliseconds since 1970. S3 reports whole seconds, rounded down. */
  readonly modified: number;
  /** Of a version. */
  readonly bytes?: number;
}

/** All entries of one key, the newest first. */
export type History = readonly [Entry, ...Entry[]];

/** An object that a plain delete has hidden. */
export interface Hidden {
  readonly key: string;
  /** The markers in front, all made since; without them the version below is current again. */
  readonly markers: readonly Entry[];
  readonly below: Entry;
}

/** An object whose content was replaced. */
export interface Overwritten {
  readonly key: string;
  /** What was current at the moment. */
  readonly before: Entry;
  readonly now: Entry;
}

/**
 * One history per key, sorted by key. S3 lists versions and markers separately, each newest first, so only their times
 * show which is in front. Within the same second a marker counts as newer, unless S3 says which is current.
 */
export function historiesOf(entries: readonly Entry[]): History[] {
  const byKey = new Map<string, Entry[]>();
  for (const entry of entries) byKey.set(entry.key, [...(byKey.get(entry.key) ?? []), entry]);
  return [...byKey.keys()].toSorted().map((key) => {
    const newestFirst = (byKey.get(key) as Entry[])
      .map((entry, place) => ({ entry, place }))
      .toSorted(
        (a, b) =>
          Number(b.entry.isLatest) - Number(a.entry.isLatest) ||
          b.entry.modified - a.entry.modified ||
          Number(b.entry.isMarker) - Number(a.entry.isMarker) ||
          a.place - b.place,
      );
    return newestFirst.map(({ entry }) => entry) as [Entry, ...Entry[]];
  });
}

/** The version or marker that was current at a time; undefined before the first. */
export const currentAt = (history: History, time: number): Entry | undefined =>
  history.find(({ modified }) => modified <= time);

/** Objects hidden since then whose content still exists. Objects hidden before stay hidden. */
export const hiddenSince = (histories: readonly History[], since: number): Hidden[] =>
  histories.flatMap((history) => {
    const end = history.findIndex(({ isMarker, modified }) => !isMarker || modified < since);
    const below = history[end];
    if (end < 1 || !below || below.isMarker) return [];
    return [{ key: below.key, markers: history.slice(0, end), below }];
  });

/** Objects whose content differs from then. New and hidden objects don't count. */
export const overwrittenSince = (histories: readonly History[], since: number): Overwritten[] =>
  histories.flatMap((history) => {
    const [now] = history;
    const before = currentAt(history, since);
    if (now.isMarker || !before || before.isMarker || before === now) return [];
    return [{ key: now.key, before, now }];
  });
