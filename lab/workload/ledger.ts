/** What the workloads told, in memory: the one account of what clients were promised. */

import type { WorkloadConfig } from "./config.js";
import type {
  NameEvent,
  ProbeEvent,
  ReadEvent,
  RequestEvent,
  SessionEvent,
  SpanEvent,
  WorkloadEvent,
  WriteEvent,
} from "./events.js";

export interface LedgerData {
  /**
   * When the first workload began and the first received the order to stop; between them every gap counts. `stopped` is
   * missing when it died.
   */
  readonly started?: number;
  readonly stopped?: number;
  readonly writes: readonly WriteEvent[];
  readonly sessions: readonly SessionEvent[];
  readonly reads: readonly ReadEvent[];
  readonly requests: readonly RequestEvent[];
  readonly probes: readonly ProbeEvent[];
  readonly names: readonly NameEvent[];
}

export class Ledger implements LedgerData {
  readonly writes: WriteEvent[] = [];
  readonly sessions: SessionEvent[] = [];
  readonly reads: ReadEvent[] = [];
  readonly requests: RequestEvent[] = [];
  readonly probes: ProbeEvent[] = [];
  readonly names: NameEvent[] = [];
  private readonly spans: SpanEvent[] = [];

  get started(): number | undefined {
    return earliest(this.spans.filter(({ kind }) => kind === "started"));
  }

  get stopped(): number | undefined {
    return earliest(this.spans.filter(({ kind }) => kind === "stopped"));
  }

  /** @throws Error when it is no event. */
  addLine(line: string): void {
    this.add(parseEvent(line));
  }

  add(event: WorkloadEvent): void {
    switch (event.kind) {
      case "started":
      case "stopped":
        this.spans.push(event);
        break;
      case "write":
        this.writes.push(event);
        break;
      case "session":
        this.sessions.push(event);
        break;
      case "read":
        this.reads.push(event);
        break;
      case "request":
        this.requests.push(event);
        break;
      case "probe":
        this.probes.push(event);
        break;
      case "name":
        this.names.push(event);
        break;
      default:
        throw new Error(`the workload told of something unknown: ${JSON.stringify(event satisfies never)}`);
    }
  }

  /**
   * A lost workload has ended, and tells nothing more: what each of its writers had sent last, if anything, is in
   * doubt. A writer counts its rows without a gap and has one under way at most, so its id is known.
   */
  bury({ source, writer }: Pick<WorkloadConfig, "source" | "writer">, at: number): void {
    const { connections = 0, firstWorker = 0 } = writer ?? {};
    for (let worker = firstWorker; worker < firstWorker + connections; worker++) {
      const last = this.writes.findLast((write) => write.worker === worker && write.source === source);
      this.writes.push({
        kind: "write",
        source,
        worker,
        sequence: (last?.sequence ?? 0) + 1,
        // Not before the answer to the one before.
        sent: last?.done ?? this.started ?? at,
        done: at,
        arrived: at,
        result: "unknown",
        error: "its workload was lost with its region",
      });
    }
  }
}

/** @throws Error when it is no event: then the workload is broken, and nothing that it says can be relied on. */
export function parseEvent(line: string): WorkloadEvent {
  try {
    return JSON.parse(line) as WorkloadEvent;
  } catch {
    throw new Error(`the workload said what is no event: ${line.slice(0, 200)}`);
  }
}

const earliest = (spans: readonly SpanEvent[]): number | undefined =>
  spans.length > 0 ? Math.min(...spans.map(({ at }) => at)) : undefined;
