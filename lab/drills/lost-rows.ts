/** What a ledger, and the tables read at the end, say about a cluster. Pure: the same account, the same answer. */

import type { ReadEvent, RequestEvent, WriteEvent } from "../workload/events.js";
import type { LedgerData } from "../workload/ledger.js";

export interface RowId {
  readonly worker: number;
  readonly sequence: number;
}

/** A stretch of CLOCK_MONOTONIC, in milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const key = ({ worker, sequence }: RowId): string => `${worker}/${sequence}`;

/** Acknowledged writes whose row is not there. */
export function lostRows(writes: readonly WriteEvent[], rows: readonly RowId[]): WriteEvent[] {
  const present = new Set(rows.map(key));
  return writes.filter((write) => write.result === "acknowledged" && !present.has(key(write)));
}

/** A server's answer, and the question by which a moment is read from its clock, are under way for less than this. */
export const CLOCK_MILLIS = 1000;

/**
 * What a service that is set back to a moment may not have lost, and may not have kept. What was under way at the moment
 * itself may be on either side of it.
 * @param span from the moment until the service was closed; undefined: it never was, and nothing may be lost
 */
export function setBackFaults(
  writes: readonly WriteEvent[],
  rows: readonly RowId[],
  span: Span | undefined,
): { readonly lost: readonly WriteEvent[]; readonly kept: readonly WriteEvent[] } {
  const lost = lostRows(writes, rows);
  if (!span) return { lost, kept: [] };
  const present = new Set(rows.map(key));
  const { from, to } = span;
  return {
    lost: lost.filter(({ sent, done }) => done < from - CLOCK_MILLIS || sent > to),
    kept: writes.filter(
      (write) =>
        write.result === "acknowledged" && write.sent > from && write.done < to && present.has(key(write)),
    ),
  };
}

/** Ids that more than one row has; each id once. */
export function duplicatedRows(rows: readonly RowId[]): RowId[] {
  const seen = new Set<string>();
  const twice = new Map<string, RowId>();
  for (const row of rows) {
    if (seen.has(key(row))) twice.set(key(row), row);
    seen.add(key(row));
  }
  return [...twice.values()];
}

/** Rows that no client wrote, or whose write the server had refused. */
export function unexpectedRows(writes: readonly WriteEvent[], rows: readonly RowId[]): RowId[] {
  const possible = new Set(writes.filter(({ result }) => result !== "refused").map(key));
  return rows.filter((row) => !possible.has(key(row)));
}

/** Items that the application confirmed (a POST answered with 200 or 201) and that are not there. */
export function lostItems(requests: readonly RequestEvent[], items: ReadonlySet<string>): RequestEvent[] {
  return requests.filter(
    ({ method, status, id }) => method === "POST" && (status === 200 || status === 201) && !items.has(id),
  );
}

/**
 * Longest time without a success between `from` and `to`, which count as bounds: a service that never came
 * back has a gap up to the end.
 * @param after only gaps that end later than this, e.g. those that a fault can have caused
 */
export function longestGap(
  successes: readonly number[],
  { from, to }: Span,
  after = Number.NEGATIVE_INFINITY,
): Span {
  const inside = successes.filter((at) => at > from && at < to).toSorted((a, b) => a - b);
  let longest: Span = { from: to, to };
  let last = from;
  for (const at of [...inside, to]) {
    if (at > after && at - last > longest.to - longest.from) longest = { from: last, to: at };
    last = at;
  }
  return longest;
}

export const acknowledgedAt = (writes: readonly WriteEvent[]): number[] =>
  writes.filter(({ result }) => result === "acknowledged").map(({ done }) => done);

/** The newest answer to an acknowledged write by a moment; 0 when there was none. */
export const lastAcknowledged = (writes: readonly WriteEvent[], by: number): number =>
  writes.reduce(
    (last, { result, done }) => (result === "acknowledged" && done > last && done <= by ? done : last),
    0,
  );

export const readAt = (reads: readonly ReadEvent[]): number[] =>
  reads.filter(({ ok }) => ok).map(({ done }) => done);

/** Writes that were under way at some moment of the span: sent before its end and not answered before its start. */
export const inFlight = (writes: readonly WriteEvent[], { from, to }: Span): WriteEvent[] =>
  writes.filter((write) => write.sent <= to && write.done >= from);

/**
 * By how much the worst read was behind: from the sending of the row that it showed as the newest to the
 * sending of the newest row that had been acknowledged before the read began. Milliseconds.
 */
export function worstStaleness(writes: readonly WriteEvent[], reads: readonly ReadEvent[]): number {
  const acknowledged = writes
    .filter(({ result }) => result === "acknowledged")
    .toSorted((a, b) => a.done - b.done);
  let next = 0;
  let newest: number | undefined;
  let oldest: number | undefined;
  let worst = 0;
  for (const read of reads.filter(({ ok }) => ok).toSorted((a, b) => a.sent - b.sent)) {
    for (let write = acknowledged[next]; write && write.done <= read.sent; write = acknowledged[++next]) {
      newest = Math.max(newest ?? write.sent, write.sent);
      oldest = Math.min(oldest ?? write.sent, write.sent);
    }
    // Seen none though there was one: behind by at least everything that was written.
    const shown = read.newest ?? oldest;
    if (newest !== undefined && shown !== undefined) worst = Math.max(worst, newest - shown);
  }
  return worst;
}

export interface HttpFigures {
  readonly requests: number;
  /** No answer, or any but 2xx: the client asks for nothing that could be refused. */
  readonly errors: number;
  readonly slowestSeconds: number;
}

export function httpFigures(requests: readonly RequestEvent[]): HttpFigures {
  return {
    requests: requests.length,
    errors: requests.filter(({ status }) => status < 200 || status >= 300).length,
    slowestSeconds: requests.reduce((most, { sent, done }) => Math.max(most, done - sent), 0) / 1000,
  };
}

/** What was watched: from the workload's first line to the order to stop. */
export function watched({ started, stopped }: LedgerData): Span {
  if (started === undefined || stopped === undefined)
    throw new Error("the workload has no beginning or no end");
  return { from: started, to: stopped };
}
