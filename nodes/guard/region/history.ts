/** Which of two logs has what the other acknowledged. */
import type { LogEnd, Mark, Reading, Release } from "./facts.js";

export const sameMark = (a: Mark, b: Mark): boolean => a.epoch === b.epoch && a.timeline === b.timeline;

/** The newest epoch in which anybody was served. */
export const headOf = ({ mine, theirs }: Pick<Reading, "mine" | "theirs">): number =>
  Math.max(mine.opened, theirs.opened);

/**
 * Whether this log has all that a region acknowledged before it released. A mark of a later epoch than that region
 * ever served in says so too: whoever wrote it had been handed that log before, or was told to go on without.
 */
export const hasAllOf = (log: LogEnd, { opened, mark, acknowledged }: Release): boolean =>
  log.mark.epoch > opened || (sameMark(log.mark, mark) && log.lsn >= acknowledged);

/** Whether it also has what that region wrote for itself while it stopped. */
export const hasLastOf = (log: LogEnd, { opened, lsn }: Release): boolean =>
  log.mark.epoch > opened || log.lsn >= lsn;

/** A primary whose own mark is the newest of its log: what clients are served on is what the mark says. */
export const isMarked = ({ isPrimary, timeline, mark }: LogEnd, epoch: number): boolean =>
  isPrimary && mark.epoch === epoch && mark.timeline === timeline;
