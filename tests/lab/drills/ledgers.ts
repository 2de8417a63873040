/** Ledgers made by hand, for tests of what reads them. */

import type { ProbeEvent, ReadEvent, RequestEvent, WriteEvent } from "../../../lab/workload/events.js";
import { Ledger } from "../../../lab/workload/ledger.js";

export const NODE_1 = "10.10.64.10";
export const NODE_2 = "10.10.80.10";

/** An acknowledged write of worker 0, answered 2 ms after it was sent. */
export function write(sequence: number, sent: number, change: Partial<WriteEvent> = {}): WriteEvent {
  const done = sent + 2;
  return {
    kind: "write",
    worker: 0,
    sequence,
    sent,
    done,
    arrived: change.done ?? done,
    result: "acknowledged",
    node: NODE_1,
    timeline: 1,
    ...change,
  };
}

export const probe = (sent: number, change: Partial<ProbeEvent> = {}): ProbeEvent => ({
  kind: "probe",
  node: NODE_1,
  sequence: sent,
  sent,
  done: sent + 1,
  arrived: change.done ?? sent + 1,
  result: "acknowledged",
  timeline: 1,
  ...change,
});

export const read = (sent: number, newest: number | null, change: Partial<ReadEvent> = {}): ReadEvent => ({
  kind: "read",
  worker: 0,
  sent,
  done: sent + 1,
  ok: true,
  newest,
  ...change,
});

export const post = (id: string, sent: number, status = 201): RequestEvent => ({
  kind: "request",
  worker: 0,
  method: "POST",
  id,
  target: "10.10.16.10:8081",
  sent,
  done: sent + 5,
  status,
});

/**
 * A failover as it should be: node 1 takes a write every 10 ms up to the fault at 1000, one is then in doubt,
 * node 2 goes on from 3000 on timeline 2, until 5000.
 */
export function failover(): Ledger {
  const ledger = new Ledger();
  ledger.add({ kind: "started", at: 0 });
  for (let i = 1; i < 100; i++) ledger.add(write(i, i * 10));
  ledger.add(
    write(100, 1000, { result: "unknown", done: 1010, timeline: undefined, error: "read ECONNRESET" }),
  );
  for (let i = 101; i < 300; i++) ledger.add(write(i, 2000 + (i - 1) * 10, { node: NODE_2, timeline: 2 }));
  ledger.add(probe(500));
  ledger.add(probe(4000, { node: NODE_2, timeline: 2 }));
  ledger.add({ kind: "stopped", at: 5000 });
  return ledger;
}

export const FAULT = { title: "kill node 1", from: 1000, to: 1005 };

/** The rows that must be there after `failover`, in the order in which they were written. */
export const rowsOf = ({ writes }: Ledger) =>
  writes
    .filter(({ result }) => result === "acknowledged")
    .map(({ worker, sequence }) => ({ worker, sequence }));
