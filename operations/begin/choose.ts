/** Which version of which object of a copy a new deployment begins from. Pure. */
import { currentAt, type Entry, type History } from "../vault/history.js";
import { isList } from "../vault/repair.js";

export interface Chosen {
  readonly key: string;
  readonly versionId: string;
  readonly bytes: number;
  /** When it came into the copy, milliseconds since 1970. */
  readonly modified: number;
  /** The object never had another content: an object of the same size is the same. */
  readonly isOnly: boolean;
}

export interface Choice {
  readonly chosen: readonly Chosen[];
  /** Objects that only an older state of the copy has: now they are hidden. */
  readonly hidden: readonly string[];
  /** Objects of which pgBackRest writes one content only, and that have several. */
  readonly overwritten: readonly string[];
}

/** Of the log: each is archived once, under its own name. */
const LOG =
  /\/archive\/[^/]+\/[^/]+\/(?:[0-9A-F]{16}\/[0-9A-F]{24}-[0-9a-f]{40}(?:\.\w+)?|[0-9A-F]{8}\.history)$/;
/** pgBackRest saves it again and again while it makes a backup. */
const PROGRESS = /\/backup\.manifest\.copy$/;

/**
 * Without a time: what is current, and nothing that is hidden.
 *
 * With one: the objects as they were then, hidden or overwritten since or not. Of the log also what was archived later, in
 * its first version: an attacker who replaces the lists of backups would otherwise take all later writes with them.
 *
 * @param asOf milliseconds since 1970
 */
export function choose(histories: readonly History[], asOf?: number): Choice {
  const found = histories.map((history) => ({ history, entry: versionOf(history, asOf) }));
  return {
    chosen: found.flatMap(({ history, entry }) =>
      entry && !entry.isMarker ? [chosenOf(history, entry)] : [],
    ),
    hidden: found.flatMap(({ history: [now], entry }) =>
      now.isMarker && (asOf === undefined || (entry && !entry.isMarker)) ? [now.key] : [],
    ),
    overwritten: histories
      .filter((history) => contents(history) > 1 && !isList(history[0].key) && !PROGRESS.test(history[0].key))
      .map(([{ key }]) => key),
  };
}

function versionOf(history: History, asOf: number | undefined): Entry | undefined {
  if (asOf === undefined) return history[0];
  const then = currentAt(history, asOf);
  return !then && LOG.test(history[0].key) ? history.findLast(({ isMarker }) => !isMarker) : then;
}

const chosenOf = (history: History, { key, versionId, bytes = 0, modified }: Entry): Chosen => ({
  ...{ key, versionId, bytes, modified },
  isOnly: contents(history) === 1,
});

const contents = (history: History): number => history.filter(({ isMarker }) => !isMarker).length;

const COMPLETE = /\/backup\/[^/]+\/(\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?)\/backup\.manifest$/;

/** Labels of the complete backups: pgBackRest writes the manifest last. */
export const backupsOf = (chosen: readonly Chosen[]): string[] =>
  chosen.flatMap(({ key }) => COMPLETE.exec(key)?.[1] ?? []);

/** When the newest piece of the log came into the copy: a restore ends shortly before. */
export const newestLog = (chosen: readonly Chosen[]): number | undefined =>
  chosen.reduce<number | undefined>(
    (newest, { key, modified }) => (LOG.test(key) ? Math.max(newest ?? 0, modified) : newest),
    undefined,
  );
