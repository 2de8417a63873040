/** A log as PostgreSQL keeps it: records in order. Positions and timelines of two regions may look alike. */
import type { Mark } from "../../../../../nodes/guard/region/region-facts.js";
import { NO_MARK } from "../../../../../nodes/guard/region/region-facts.js";

export interface Entry {
  /** Of a client's write; 0 for a mark or what a server writes for itself. */
  readonly id: number;
  readonly mark?: Mark;
  /** Of a commit: by the clock of who made it. */
  readonly wallMillis?: number;
}

const NONE: readonly number[] = [];

export class Log {
  private readonly entries: Entry[] = [];
  private readonly ids = new Set<number>();
  private readonly marks: Mark[] = [];
  timeline = 1;
  /** Timelines that it came through. */
  ancestors: readonly number[] = [];

  get lsn(): number {
    return this.entries.length;
  }

  get mark(): Mark {
    return this.marks.at(-1) ?? NO_MARK;
  }

  /** Of the newest commit. */
  get wallMillis(): number | undefined {
    return this.entries.findLast(({ wallMillis }) => wallMillis !== undefined)?.wallMillis;
  }

  has(id: number): boolean {
    return this.ids.has(id);
  }

  append(entry: Entry): void {
    this.entries.push(entry);
    if (entry.id) this.ids.add(entry.id);
    if (entry.mark) this.marks.push(entry.mark);
  }

  /** Ends recovery: its own record parts it from every other log. */
  promote(): void {
    this.ancestors = [...this.ancestors, this.timeline];
    this.timeline++;
    this.append({ id: 0 });
  }

  /** The volume is gone. */
  clear(): void {
    this.entries.length = this.marks.length = 0;
    this.ids.clear();
    this.timeline = 1;
    this.ancestors = [];
  }

  /** Whether this is the beginning of the other. */
  leadsTo(source: Log): boolean {
    return this.lsn <= source.lsn && this.entries.at(-1) === source.entries[this.lsn - 1];
  }

  private isSame(source: Log): boolean {
    const { entries, timeline, ancestors } = source;
    return (
      this.lsn === source.lsn &&
      this.entries.at(-1) === entries.at(-1) &&
      this.timeline === timeline &&
      this.ancestors === ancestors
    );
  }

  /**
   * Takes over at most `limit` records; goes back to where both were one first, as pg_rewind does.
   * @returns clients' writes that were taken back.
   */
  follow(source: Log, limit: number): readonly number[] {
    if (this.isSame(source)) return NONE;
    const gone: number[] = [];
    let common = Math.min(this.lsn, source.lsn);
    while (common > 0 && this.entries[common - 1] !== source.entries[common - 1]) common--;
    while (this.lsn > common) {
      const { id, mark } = this.entries.pop() as Entry;
      this.ids.delete(id);
      if (id) gone.push(id);
      if (mark) this.marks.pop();
    }
    for (const entry of source.entries.slice(common, common + limit)) this.append(entry);
    this.timeline = source.timeline;
    this.ancestors = source.ancestors;
    return gone;
  }
}
