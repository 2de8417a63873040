/** What a ledger, and the tables read at the end, say about a cluster. Pure: the same account, the same answer. */
import type { LedgerData } from "./ledger.js";
import type { ProbeEvent, ReadEvent, RequestEvent, WriteEvent } from "./workload/events.js";

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

/** Rows that stand there more than once; each id once, however often it stands there. */
export function duplicatedRows(rows: readonly RowId[]): RowId[] {
  const seen = new Set<string>();
  const twice = new Map<string, RowId>();
  for (const row of rows) {
    if (seen.has(key(row))) twice.set(key(row), row);
    seen.add(key(row));
  }
  return [...twice.values()];
}

/** Rows that nobody wrote, or whose write the server had refused. */
export function unexpectedRows(writes: readonly WriteEvent[], rows: readonly RowId[]): RowId[] {
  const possible = new Set(writes.filter(({ result }) => result !== "refused").map(key));
  return rows.filter((row) => !possible.has(key(row)));
}

/** Items that the application confirmed (a POST answered with 200 or 201) and that are not there. */
export function lostItems(requests: readonly RequestEvent[], items: ReadonlySet<string>): string[] {
  const confirmed = requests.filter(
    ({ method, status }) => method === "POST" && (status === 200 || status === 201),
  );
  return confirmed.map(({ id }) => id).filter((id) => !items.has(id));
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

/** An acknowledgement, whoever got it: the writers or a probe. */
export type Acknowledgement = Pick<WriteEvent, "sent" | "arrived" | "done"> & {
  readonly node: string;
  readonly timeline: number;
};

/** @throws Error when one doesn't say by whom or on which timeline: then nothing could be decided. */
export function acknowledgements(events: readonly (WriteEvent | ProbeEvent)[]): Acknowledgement[] {
  return events
    .filter(({ result }) => result === "acknowledged")
    .map(({ node, timeline, sent, arrived, done }) => {
      if (!node || !timeline) throw new Error(`an acknowledgement without node or timeline, sent at ${sent}`);
      return { node, timeline, sent, arrived, done };
    });
}

export interface DoubleAcknowledgement {
  /** The acknowledgement that should not have come. */
  readonly by: Acknowledgement;
  /** The one that proves it. */
  readonly beside: Acknowledgement;
  readonly reason: string;
}

/**
 * Two nodes that acknowledged at once. Each promotion begins a new timeline, so timelines order the leaders.
 * What is proven wrong, and nothing less:
 *
 * 1. Two nodes acknowledged on the *same* timeline, whenever: one of them was never promoted to it.
 * 2. A node's acknowledgement on an older timeline came in (`arrived`, the earliest that it can have) after
 *    another node's on a newer one had been received (`done`): the old leader still served when the new one did.
 *
 * One violation is told per pair of node and timeline: the first.
 */
export function doubleAcknowledgements(all: readonly Acknowledgement[]): DoubleAcknowledgement[] {
  const reigns = new Map<string, { first: Acknowledgement; last: Acknowledgement }>();
  for (const one of all) {
    const name = `${one.timeline} ${one.node}`;
    const reign = reigns.get(name) ?? { first: one, last: one };
    reigns.set(name, {
      first: one.done < reign.first.done ? one : reign.first,
      last: one.arrived > reign.last.arrived ? one : reign.last,
    });
  }
  const found: DoubleAcknowledgement[] = [];
  const inOrder = [...reigns.values()].toSorted(
    (a, b) => a.first.timeline - b.first.timeline || a.first.done - b.first.done,
  );
  inOrder.forEach((older, i) => {
    for (const newer of inOrder.slice(i + 1)) {
      const { node, timeline } = older.last;
      const { first } = newer;
      if (node === first.node) continue;
      if (timeline === first.timeline) {
        found.push({
          by: first,
          beside: older.first,
          reason: `${node} and ${first.node} both acknowledged on timeline ${timeline}`,
        });
      } else if (older.last.arrived > first.done) {
        const late = ((older.last.arrived - first.done) / 1000).toFixed(3);
        found.push({
          by: older.last,
          beside: first,
          reason: `${node} (timeline ${timeline}) still acknowledged ${late} s after ${first.node} (timeline ${first.timeline}) had begun to`,
        });
      }
    }
  });
  return found;
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
