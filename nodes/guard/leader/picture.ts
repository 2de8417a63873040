/**
 * All keys, kept up to date by what changes of them. A guard that does not lead reads several times a second, and the
 * keys are mostly the same: whole, all of them would be encoded, sent and parsed each time.
 *
 * As exact as a whole reading: what is new or rewritten comes by its revision, and what has gone since shows by the
 * count. Then, and where it is another cluster's, a whole reading is due.
 */
import type { KeyValue, Operation, Outcome } from "../shared/etcd.js";
import { type Keys, readAll } from "./leader-keys.js";

export interface Picture {
  readonly cluster: string;
  readonly revision: string;
  /** Of each operation of `readAll`. */
  readonly ranges: readonly (readonly KeyValue[])[];
}

/** What makes a newer one of this, or a first one. */
export const readAfter = (keys: Keys, picture?: Picture): Operation[] =>
  readAll(keys).map((operation) => (picture ? { ...operation, after: picture.revision } : operation));

/** @param before what `answer` was asked after. @returns undefined where it must be asked without. */
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
