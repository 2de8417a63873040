/** PostgreSQL's log on this node, whether PostgreSQL runs or has just been stopped. */

import { monotonic } from "../shared/clock.js";
import { lsnOf } from "../shared/lsn.js";
import { type ControlData, controlValue, ofThisMachine } from "./control-data.js";
import { RunningLog } from "./log-end.js";
import type { LocalLog } from "./region.js";
import type { LogEnd, Mark } from "./region-facts.js";

export class PostgresLog implements LocalLog {
  /** The newest mark that was read while this node was primary. */
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
      // A primary that has been stopped has come to its end: nobody need wait until it is there again as a standby.
      const stopped = this.lastMark && (await this.ofStopped(startedAt, this.lastMark));
      if (!stopped) throw error;
      return stopped;
    }
  }

  mark(mark: Mark): Promise<void> {
    return this.running.markLog(mark);
  }

  /** @returns undefined when it isn't a primary that was shut down cleanly. */
  private async ofStopped(startedAt: number, mark: Mark): Promise<LogEnd | undefined> {
    const text = await this.controlData.read(this.dataDirectory).catch(() => "");
    const checkpoint = lsnOf(controlValue(text, "Latest checkpoint location"));
    if (controlValue(text, "Database cluster state") !== "shut down" || checkpoint === undefined)
      return undefined;
    // Past the beginning of the last record: who is there has all of it.
    return { startedAt, isPrimary: false, mark, lsn: checkpoint + 1 };
  }
}
