/** Which runbook each alarm names. A test proves that every file exists. No Pulumi here. */

/** Alarms of a region, and of the failover health checks, by the last part of their name. */
export const RUNBOOKS = {
  "no-leader": "no-leader.md",
  "replication-lag": "replication-lag.md",
  "cross-region-lag": "replication-lag.md",
  "wal-archiving-late": "wal-archiving-broken.md",
  "wal-archiving-broken": "wal-archiving-broken.md",
  "backup-too-old": "backup-too-old.md",
  "backup-failed": "backup-too-old.md",
  "dump-too-old": "backup-too-old.md",
  "verify-failed": "vault-tampering.md",
  "wal-gap": "wal-archiving-broken.md",
  "vault-tampered": "vault-tampering.md",
  "vault-touched": "vault-tampering.md",
  "decoy-read": "decoy-read.md",
  "break-glass-used": "break-glass-used.md",
  "watch-touched": "watch-touched.md",
  "watch-silent": "watch-touched.md",
  "pages-undelivered": "watch-touched.md",
  "restore-test-failed": "restore-test-failed.md",
  "restore-machine-hangs": "restore-test-failed.md",
  "restore-test-too-old": "restore-test-failed.md",
  "escrow-old": "escrow-old.md",
  "volume-backup-failed": "backup-too-old.md",
  "vault-replication-behind": "vault-replication-behind.md",
  "vault-replication-failed": "vault-replication-behind.md",
  "copy-watch-page": "vault-tampering.md",
  "copy-canary-missing": "copy-canary-missing.md",
  "unhealthy-targets": "unhealthy-targets.md",
  "no-healthy-targets": "unhealthy-targets.md",
  "claim-lease-lapsing": "claim-lease-lapsing.md",
  "unexpected-claim": "unexpected-claim.md",
  "disk-filling": "disk-filling.md",
  "disk-nearly-full": "disk-filling.md",
  "certificates-expiring": "certificates-expiring.md",
  "image-old": "image-old.md",
  "region-health": "region-unhealthy.md",
  "no-region-active": "no-region-active.md",
  "two-regions-active": "two-regions-active.md",
} as const;

export type AlarmName = keyof typeof RUNBOOKS;

/** An alarm's description: what is wrong, and where to read on. */
export const describeAlarm = (alarm: AlarmName, summary: string): string =>
  `${summary} Runbook: runbooks/${RUNBOOKS[alarm]}`;
