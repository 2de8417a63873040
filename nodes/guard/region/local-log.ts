/** PostgreSQL's log on this node, while PostgreSQL runs and just after it has stopped. */

import { monotonic } from "../shared/clock.js";
import { lsnOf } from "../shared/lsn.js";
import { type ControlData, controlValue, ofThisMachine } from "./control-data.js";
import { RunningLog } from "./log-end.js";
import type { LocalLog } from "./region.js";
import type { LogEnd, Mark } from "./region-facts.js";

export class PostgresLog implements LocalLog {
  /** The newest mark, read while this node was a primary. */
  private lastMark: Mark | undefined;

  constructor(
    private readonly dataDirectory: string,
    private readonly running: Pick<RunningLog, "readEnd" | "markLog"> = new RunningLog(),
    private readonly controlData: Pick<ControlData, "read"> = ofThisMachine,
  ) {}

  async end(): Promise<LogEnd> {
    const startedAt = monotonic();
    try {
      const end = await this.running.readEnd();
      this.lastMark = end.isPrimary ? end.mark : undefined;
      return end;
    } catch (error) {
      // The log of a stopped primary has ended: the guard needn't wait until PostgreSQL is back as a standby.
      const stopped = this.lastMark && (await this.ofStopped(startedAt, this.lastMark));
      if (!stopped) throw error;
      return stopped;
    }
  }

  mark(mark: Mark): Promise<void> {
    return this.running.markLog(mark);
  }

  /** @returns undefined unless PostgreSQL was a primary and was shut down cleanly. */
  private async ofStopped(startedAt: number, mark: Mark): Promise<LogEnd | undefined> {
    const text = await this.controlData.read(this.dataDirectory).catch(() => "");
    const checkpoint = lsnOf(controlValue(text, "Latest checkpoint location"));
    if (controlValue(text, "Database cluster state") !== "shut down" || checkpoint === undefined)
      return undefined;
    // One past the beginning of the last record: a log that reaches this position contains all of it.
    return { startedAt, isPrimary: false, mark, lsn: checkpoint + 1 };
  }
}
