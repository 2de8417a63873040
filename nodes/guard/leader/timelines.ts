/** A PostgreSQL server's earlier timelines, from the history file that each promotion writes before it ends. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hexOf, lsnOf } from "../shared/lsn.js";

/** Timelines before this one; undefined when its file can't be read. Timeline 1 has no earlier ones and no file. */
export async function ancestorsOf(timeline: number, dataDirectory: string): Promise<number[] | undefined> {
  if (timeline === 1) return [];
  const text = await readFile(join(dataDirectory, "pg_wal", historyName(timeline)), "utf8").catch(
    () => undefined,
  );
  return text === undefined ? undefined : switchesOf(text).map((each) => each.timeline);
}

/** An earlier timeline of a server, and where the next one began. */
export interface Switch {
  readonly timeline: number;
  readonly end: number;
}

/**
 * Oldest first. Each line contains the parent timeline, the position where the server left it, and why.
 * Source: PostgreSQL's `readTimeLineHistory` (src/backend/access/transam/timeline.c).
 */
export const switchesOf = (text: string): Switch[] =>
  text.split("\n").flatMap((line) => {
    const [, timeline, position] = /^\s*(\d+)\s+(\S+)/.exec(line) ?? [];
    const end = lsnOf(position);
    return end === undefined ? [] : [{ timeline: Number(timeline), end }];
  });

export const historyName = (timeline: number): string => `${hexOf(timeline)}.history`;
