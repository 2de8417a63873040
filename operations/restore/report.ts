/** What a restore is expected to take, by what `dr-restore` reports. Pure. */
import type { PlanReport } from "../../nodes/bin/reports.js";

const SEGMENT_BYTES = 16 * 1024 ** 2;
const SEGMENTS_PER_LOG = 256;

/** The number in a segment's name: it keeps counting across timelines. */
const numberOf = (name: string): number =>
  Number.parseInt(name.slice(8, 16), 16) * SEGMENTS_PER_LOG + Number.parseInt(name.slice(16, 24), 16);

/** Bytes of log between the backup and the end of the archive: the most that a restore may replay. */
export function logBytes({ firstSegment, lastSegment }: PlanReport): number | undefined {
  if (firstSegment === undefined || lastSegment === undefined) return undefined;
  return Math.max(0, numberOf(lastSegment) - numberOf(firstSegment) + 1) * SEGMENT_BYTES;
}

/** From the rates of the newest restore test; undefined without one. */
export function expectedSeconds(plan: PlanReport): number | undefined {
  const { bytes, lastTest } = plan;
  const log = logBytes(plan);
  if (!lastTest?.restoreBytesPerSecond || bytes === undefined || log === undefined) return undefined;
  // A test without replay has no rate for it: use the rate of the files.
  const replay = lastTest.walBytesPerSecond || lastTest.restoreBytesPerSecond;
  return bytes / lastTest.restoreBytesPerSecond + log / replay;
}
