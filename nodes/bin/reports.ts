/**
 * The JSON output of this folder's programs, declared once: for the programs that write it, and for operations and drills
 * that read it. dr-restore, in Python, has its own code; readers may rely on `restoreReport`. Pure.
 */
import { z } from "zod";

const rates = z.object({
  restoreBytesPerSecond: z.number().nullish(),
  walBytesPerSecond: z.number().nullish(),
});

/** `dr-restore --plan` */
export const planReport = z.object({
  code: z.number(),
  error: z.string().nullable(),
  wanted: z.string().optional(),
  stanza: z.string().optional(),
  backup: z.string().optional(),
  backupEnd: z.string().optional(),
  timelines: z.record(z.string(), z.string()).optional(),
  bytes: z.number().optional(),
  /** Names of segments: the first one that the backup needs, and the last archived one. */
  firstSegment: z.string().optional(),
  lastSegment: z.string().optional(),
  notes: z.array(z.string()).optional(),
  /** The vault's newest restore test that passed. */
  lastTest: rates.extend({ begin: z.string() }).nullish(),
});
export type PlanReport = z.infer<typeof planReport>;

/** `dr-restore --into` */
export const restoreReport = planReport.extend({
  lastCommit: z.string().nullish(),
  endLsn: z.string().nullish(),
  timeline: z.number().nullish(),
  walSegments: z.number().optional(),
  seconds: z.record(z.string(), z.number()),
});
export type RestoreReport = z.infer<typeof restoreReport>;

/** `dr-logins take` */
export const nodeLogins = z.object({
  /** Whether the node had other passwords before. */
  changed: z.boolean(),
  /** Login (`superuser`, `replication`, `rewind`) → fingerprint of the password that the node has. */
  fingerprints: z.record(z.string(), z.string()),
});
export type NodeLogins = z.infer<typeof nodeLogins>;

/** `dr-logins sessions` */
export const loginSession = z.object({
  /** Null: over the socket. */
  address: z.string().nullable(),
  application: z.string(),
  since: z.string(),
});
export type LoginSession = z.infer<typeof loginSession>;

/** `dr-check-vault --json`: gauges by their names in CloudWatch, the reasons for their values, and the parts that failed. */
export interface VaultLook {
  readonly values: Readonly<Record<string, number | null>>;
  readonly reasons: readonly string[];
  readonly failed: readonly string[];
}

/** `dr-cut-over status` */
export const cutOverStatus = z.object({
  /** The state of Patroni's unit, from systemd. */
  patroni: z.string(),
  data: z.boolean(),
  restored: z.boolean(),
  /** Stamps of the data directories that were set aside. */
  before: z.array(z.string()),
  mark: z.object({ stamp: z.string(), step: z.string() }).nullable(),
  prepared: z
    .object({
      stamp: z.string(),
      state: z.enum(["restoring", "ready"]),
      /** The process id of a running dr-restore. */
      process: z.number().optional(),
      epoch: z.number().optional(),
      backup: z.string().nullish(),
      timeline: z.number().nullish(),
      lastCommit: z.string().nullish(),
      endLsn: z.string().nullish(),
    })
    .nullable(),
});
export type CutOverStatus = z.infer<typeof cutOverStatus>;

/** `dr-cut-over room` */
export const cutOverRoom = z.object({ dataBytes: z.number(), freeBytes: z.number() });
export type CutOverRoom = z.infer<typeof cutOverRoom>;

/** `dr-cut-over members`: the members as Patroni reports them. */
export const patroniMember = z.object({
  name: z.string(),
  role: z.string(),
  state: z.string(),
  timeline: z.number().optional(),
});
export type PatroniMember = z.infer<typeof patroniMember>;
