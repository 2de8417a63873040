/** Whether one log contains every write that another log's leader acknowledged. */
import type { LogEnd, Mark, Reading, Release } from "./region-facts.js";

export const sameMark = (a: Mark, b: Mark): boolean => a.epoch === b.epoch && a.timeline === b.timeline;

/** The newest epoch in which either region may have served clients. */
export const headOf = ({ mine, theirs }: Pick<Reading, "mine" | "theirs">): number =>
  Math.max(mine.opened, theirs.opened);

/**
 * Whether a log contains every write acknowledged up to a position that was read under this mark. A later leader's mark
 * of the same epoch also counts: a new leader begins with every write acknowledged before, and serves only after its own
 * mark is safe on the standbys, so that every later leader has it.
 */
export const reaches = (log: Pick<LogEnd, "mark" | "lsn">, mark: Mark, lsn: number): boolean =>
  log.mark.epoch === mark.epoch && log.mark.timeline >= mark.timeline && log.lsn >= lsn;

/**
 * Whether this log contains every write that a region acknowledged before it released. A mark of a later epoch than that
 * region ever served in also proves it: its writer had received that log before, or an operator had accepted the loss.
 */
export const hasAllOf = (log: LogEnd, { opened, mark, acknowledged }: Release): boolean =>
  log.mark.epoch > opened || reaches(log, mark, acknowledged);

/** Whether this log also contains what that region wrote by itself while it stopped. */
export const hasLastOf = (log: LogEnd, { opened, lsn }: Release): boolean =>
  log.mark.epoch > opened || log.lsn >= lsn;

/** Whether a primary's own mark is the newest in its log: clients are then served on the mark's epoch and timeline. */
export const isMarked = ({ isPrimary, timeline, mark }: LogEnd, epoch: number): boolean =>
  isPrimary && mark.epoch === epoch && mark.timeline === timeline;
