/** What a versioned bucket tells of its objects, and what follows from it: hidden, overwritten, current at a time. Pure. */

/** A version of an object, or a delete marker in front of some. */
export interface Entry {
  readonly key: string;
  readonly versionId: string;
  readonly isMarker: boolean;
  readonly isLatest: boolean;
  /** Milliseconds since 1970. S3 tells whole seconds, rounded down. */
  readonly modified: number;
  /** Of a version. */
  readonly bytes?: number;
}

/** All entries of one key, the newest first. */
export type History = readonly [Entry, ...Entry[]];

/** An object that a plain delete has hidden. */
export interface Hidden {
  readonly key: string;
  /** Those in front, all made since; without them the version below is current again. */
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
 * One history per key, sorted by key. S3 lists versions and markers apart, each newest first, so that only their
 * times tell which is in front; within a second a marker is taken for the newer one, unless S3 says which is current.
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

/** What was current at a time, a marker too; undefined before the first. */
export const currentAt = (history: History, time: number): Entry | undefined =>
  history.find(({ modified }) => modified <= time);

/** Objects that have been hidden since, and whose content is there. What was hidden before stays so. */
export const hiddenSince = (histories: readonly History[], since: number): Hidden[] =>
  histories.flatMap((history) => {
    const end = history.findIndex(({ isMarker, modified }) => !isMarker || modified < since);
    const below = history[end];
    if (end < 1 || !below || below.isMarker) return [];
    return [{ key: below.key, markers: history.slice(0, end), below }];
  });

/** Objects that have another content than at that time. New ones, and those that are hidden, are none. */
export const overwrittenSince = (histories: readonly History[], since: number): Overwritten[] =>
  histories.flatMap((history) => {
    const [now] = history;
    const before = currentAt(history, since);
    if (now.isMarker || !before || before.isMarker || before === now) return [];
    return [{ key: now.key, before, now }];
  });
