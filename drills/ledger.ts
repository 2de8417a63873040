/** What a workload told, in memory: the one account of what clients were promised. */
import type {
  ProbeEvent,
  ReadEvent,
  RequestEvent,
  SessionEvent,
  WorkloadEvent,
  WriteEvent,
} from "./workload/events.js";

export interface LedgerData {
  /** When the workload began and was told to stop; between them every gap counts. `stopped` is missing when it died. */
  readonly started?: number;
  readonly stopped?: number;
  readonly writes: readonly WriteEvent[];
  readonly sessions: readonly SessionEvent[];
  readonly reads: readonly ReadEvent[];
  readonly requests: readonly RequestEvent[];
  readonly probes: readonly ProbeEvent[];
}

export class Ledger implements LedgerData {
  started: number | undefined;
  stopped: number | undefined;
  readonly writes: WriteEvent[] = [];
  readonly sessions: SessionEvent[] = [];
  readonly reads: ReadEvent[] = [];
  readonly requests: RequestEvent[] = [];
  readonly probes: ProbeEvent[] = [];

  /** @throws Error when it is no event: then the workload is broken, and nothing that it says can be relied on. */
  addLine(line: string): void {
    let event: WorkloadEvent;
    try {
      event = JSON.parse(line) as WorkloadEvent;
    } catch {
      throw new Error(`the workload said what is no event: ${line.slice(0, 200)}`);
    }
    this.add(event);
  }

  add(event: WorkloadEvent): void {
    switch (event.kind) {
      case "started":
        this.started = event.at;
        break;
      case "stopped":
        this.stopped = event.at;
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
      default:
        throw new Error(`the workload told of something unknown: ${JSON.stringify(event satisfies never)}`);
    }
  }
}
