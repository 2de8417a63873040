/**
 * All keys, kept up to date by reading only the changes. A guard that does not lead reads several times a second, and
 * few keys change: a full read would encode, send and parse all of them each time.
 *
 * It is as exact as a full read: new and rewritten keys are found by revision, and the count reveals deleted ones. After
 * a deletion, or when the answer comes from another cluster, a full read follows.
 */
import type { KeyValue, Operation, Outcome } from "../shared/etcd.js";
import { type Keys, readAll } from "./leader-keys.js";

export interface Picture {
  readonly cluster: string;
  readonly revision: string;
  /** One for each operation of `readAll`. */
  readonly ranges: readonly (readonly KeyValue[])[];
}

/** Reads what has changed since this picture; everything without one. */
export const readAfter = (keys: Keys, picture?: Picture): Operation[] =>
  readAll(keys).map((operation) => (picture ? { ...operation, after: picture.revision } : operation));

/** @param before the picture that `readAfter` started from. @returns undefined when a full read is needed. */
export function newer(
  before: Picture | undefined,
  { cluster, revision, ranges, counts }: Omit<Outcome, "succeeded">,
): Picture | undefined {
  if (!before) return { cluster, revision, ranges };
  if (cluster !== before.cluster || BigInt(revision) < BigInt(before.revision)) return undefined;
  const merged = ranges.map((news, i) => overlaid(before.ranges[i] ?? [], news));
  if (merged.some((range, i) => range.length !== counts[i])) return undefined;
  return { cluster, revision, ranges: merged };
}

function overlaid(before: readonly KeyValue[], news: readonly KeyValue[]): readonly KeyValue[] {
  if (news.length === 0) return before;
  const changed = new Set(news.map(({ key }) => key));
  return [...before.filter(({ key }) => !changed.has(key)), ...news];
}
