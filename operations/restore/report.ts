/** The fields of `dr-restore`'s report that this project reads; nodes/scripts/dr-restore writes them. Pure. */
import { z } from "zod";

const rates = z.object({
  restoreBytesPerSecond: z.number().nullish(),
  walBytesPerSecond: z.number().nullish(),
});

export const planReport = z.object({
  code: z.number(),
  error: z.string().nullable(),
  wanted: z.string().optional(),
  stanza: z.string().optional(),
  backup: z.string().optional(),
  backupEnd: z.string().optional(),
  timelines: z.record(z.string(), z.string()).optional(),
  bytes: z.number().optional(),
  /** Names of segments: the first one of the backup's log, and the last archived one. */
  firstSegment: z.string().optional(),
  lastSegment: z.string().optional(),
  notes: z.array(z.string()).optional(),
  /** The newest restore test of the vault that passed. */
  lastTest: rates.extend({ begin: z.string() }).nullish(),
});
export type PlanReport = z.infer<typeof planReport>;

export const restoreReport = planReport.extend({
  lastCommit: z.string().nullish(),
  endLsn: z.string().nullish(),
  timeline: z.number().optional(),
  walSegments: z.number().optional(),
  seconds: z.record(z.string(), z.number()),
});
export type RestoreReport = z.infer<typeof restoreReport>;

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
