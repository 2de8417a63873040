/**
 * What a workload tells while it runs: one JSON object per line on its standard output.
 *
 * All times are milliseconds of CLOCK_MONOTONIC, which every process of one machine shares (network
 * namespaces do not part clocks), so that a ledger can order what several processes saw.
 */

/** How a write ended, as far as its client can know. */
export type WriteResult =
  /** The server said that it is committed, and gave no warning. Only such a write may not be lost. */
  | "acknowledged"
  /** The server refused it: it must not be there. */
  | "refused"
  /** Sent, and no answer, or one that proves nothing: it may be there or not. */
  | "unknown";

/** Which of several workloads saw it: `WorkloadConfig.source`. */
export interface WithSource {
  readonly source?: string;
}

export interface WriteEvent extends WithSource {
  readonly kind: "write";
  readonly worker: number;
  readonly sequence: number;
  readonly sent: number;
  /** When the answer was handled; `arrived` is the earliest that it can have come in. */
  readonly done: number;
  readonly arrived: number;
  readonly result: WriteResult;
  /** Address of the server that the session belongs to. */
  readonly node?: string;
  /** Timeline on which the server wrote; of an acknowledged write only. */
  readonly timeline?: number;
  readonly error?: string;
}

/** A probe is a write to one node's own port, not through HAProxy. */
export interface ProbeEvent extends Omit<WriteEvent, "kind" | "worker"> {
  readonly kind: "probe";
  readonly node: string;
}

/** A session that was opened, or could not be. */
export interface SessionEvent extends WithSource {
  readonly kind: "session";
  readonly of: "writer" | "reader";
  readonly worker: number;
  readonly sent: number;
  readonly done: number;
  readonly ok: boolean;
  readonly node?: string;
  readonly error?: string;
}

export interface ReadEvent extends WithSource {
  readonly kind: "read";
  readonly worker: number;
  readonly sent: number;
  readonly done: number;
  readonly ok: boolean;
  readonly node?: string;
  /** When the newest row that the server showed had been sent; null when it showed none. */
  readonly newest?: number | null;
  readonly error?: string;
}

export interface RequestEvent extends WithSource {
  readonly kind: "request";
  readonly worker: number;
  readonly method: "GET" | "POST";
  /** Of the item that was written or asked for. */
  readonly id: string;
  /** Target of the request, `address:port`: a Tomcat server, or a region's load balancer; empty when the name had no answer. */
  readonly target: string;
  /** The service's name, when the request used it. */
  readonly name?: string;
  readonly sent: number;
  readonly done: number;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly error?: string;
}

/**
 * First and last line of every workload: what lies outside was not watched. The last one comes once everything
 * in flight has ended; its time is that of the order to stop.
 */
export interface SpanEvent extends WithSource {
  readonly kind: "started" | "stopped";
  readonly at: number;
}

/** Where the service's name leads from now on. */
export interface NameEvent extends WithSource {
  readonly kind: "name";
  readonly at: number;
  /** Region id. */
  readonly leadsTo: string;
  /** What its health checks say of each region. */
  readonly healthy: Readonly<Record<string, boolean>>;
  /** Whether every prober has asked, and what came of it is known: before that the name says nothing about the regions. */
  readonly settled: boolean;
}

export type WorkloadEvent =
  | WriteEvent
  | ProbeEvent
  | SessionEvent
  | ReadEvent
  | RequestEvent
  | NameEvent
  | SpanEvent;
