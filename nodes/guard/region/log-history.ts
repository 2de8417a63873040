/** Which of two logs has what the other acknowledged. */
import type { LogEnd, Mark, Reading, Release } from "./region-facts.js";

export const sameMark = (a: Mark, b: Mark): boolean => a.epoch === b.epoch && a.timeline === b.timeline;

/** The newest epoch in which anybody was served. */
export const headOf = ({ mine, theirs }: Pick<Reading, "mine" | "theirs">): number =>
  Math.max(mine.opened, theirs.opened);

/**
 * Whether a log has all that was acknowledged up to a position, which was read under this mark. A later leader's mark
 * of the same epoch will do: whoever leads begins with all that was acknowledged before, and is served itself only once
 * its own mark is where every later leader finds it, so that none that was served can be missing from that reading.
 */
export const reaches = (log: Pick<LogEnd, "mark" | "lsn">, mark: Mark, lsn: number): boolean =>
  log.mark.epoch === mark.epoch && log.mark.timeline >= mark.timeline && log.lsn >= lsn;

/**
 * Whether this log has all that a region acknowledged before it released. A mark of a later epoch than that region
 * ever served in says so too: whoever wrote it had been handed that log before, or was told to go on without.
 */
export const hasAllOf = (log: LogEnd, { opened, mark, acknowledged }: Release): boolean =>
  log.mark.epoch > opened || reaches(log, mark, acknowledged);

/** Whether it also has what that region wrote for itself while it stopped. */
export const hasLastOf = (log: LogEnd, { opened, lsn }: Release): boolean =>
  log.mark.epoch > opened || log.lsn >= lsn;

/** A primary whose own mark is the newest of its log: what clients are served on is what the mark says. */
export const isMarked = ({ isPrimary, timeline, mark }: LogEnd, epoch: number): boolean =>
  isPrimary && mark.epoch === epoch && mark.timeline === timeline;
