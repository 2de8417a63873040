/** Which timelines a PostgreSQL server came through, from the file that each promotion writes before it ends. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Timelines before this one; undefined when its file can't be read. The first has none, and no file. */
export async function ancestorsOf(timeline: number, dataDirectory: string): Promise<number[] | undefined> {
  if (timeline === 1) return [];
  const name = `${timeline.toString(16).toUpperCase().padStart(8, "0")}.history`;
  const text = await readFile(join(dataDirectory, "pg_wal", name), "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseHistory(text);
}

/**
 * A line each: the parent, where it was left, and why.
 * Source: PostgreSQL's `readTimeLineHistory` (src/backend/access/transam/timeline.c).
 */
export const parseHistory = (text: string): number[] =>
  text.split("\n").flatMap((line) => {
    const parent = /^\s*(\d+)\s/.exec(line)?.[1];
    return parent === undefined ? [] : [Number(parent)];
  });
