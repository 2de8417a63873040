/** A vault's inspection and repairs as text within 80 columns; a longer key loses its middle; JSON shows all of it. */
import { wrapAt } from "../../common/wrap.js";
import type { Hidden, Overwritten } from "./history.js";
import { type Inspection, isList } from "./repair.js";

const WIDTH = 80;
/** At most this many keys are listed; the rest is counted. */
const SHOWN = 20;

export function renderInspection({ protection, flaws, hidden, overwritten }: Inspection): string[] {
  const { versioning, lockMode, lockDays } = protection;
  const lists = overwritten.filter(({ key }) => isList(key)).length;
  return [
    `versioning   ${versioning}`,
    `lock         ${lockMode ? `${lockMode}, ${lockDays} days` : "none for new objects"}`,
    ...flaws.flatMap((flaw) => wrapAt(`not as set   ${flaw}`, WIDTH, " ".repeat(13))),
    `hidden       ${count(hidden.length)}`,
    ...renderHidden(hidden),
    // Each backup rewrites its lists, so they say nothing about tampering.
    `overwritten  ${count(overwritten.length)}${lists > 0 ? `, ${lists} of them lists, which each backup rewrites` : ""}`,
    ...renderOverwritten(overwritten),
  ];
}

export const renderHidden = (hidden: readonly Hidden[]): string[] =>
  shown(hidden, ({ key, markers: [newest] }) => `${time(newest?.modified ?? 0)} ${key}`);

export const renderOverwritten = (overwritten: readonly Overwritten[]): string[] =>
  shown(overwritten, ({ key, before, now }) => `${time(before.modified)} → ${time(now.modified)} ${key}`);

export const count = (objects: number): string => (objects === 1 ? "1 object" : `${objects} objects`);

function shown<T>(all: readonly T[], line: (each: T) => string): string[] {
  const lines = all.slice(0, SHOWN).map((each) => `  ${shortened(line(each), WIDTH - 2)}`);
  return all.length > SHOWN
    ? [...lines, `  … and ${count(all.length - SHOWN)} more; --json shows all`]
    : lines;
}

const time = (millis: number): string => `${new Date(millis).toISOString().slice(0, 19)}Z`;

/** Both ends of a key matter more than its middle. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.floor((width - 1) / 3);
  return `${text.slice(0, width - 1 - end)}…${text.slice(-end)}`;
}
