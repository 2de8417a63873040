/**
 * How long backups stay in the vaults, and how much storage that takes. No Pulumi here: `docs/vault-cost.md` is generated from it.
 *
 * pgBackRest believes that it frees what it expires. In a vault it only puts a delete marker in front: the version
 * below stays for `retentionDays` more, so that what an attacker hides can be brought back, and never goes before its
 * lock has run out. Those days are what immutability costs.
 */
import { REPLICA_SLACK_DAYS } from "../components/vault-expiry.js";
import type { SharedSettings } from "../settings/schema.js";

type BackupSettings = Pick<SharedSettings["backup"], "lockDays" | "retentionDays">;

/** What one region's backups add, compressed. */
export interface Workload {
  /** One full backup; there is one a day. */
  readonly fullGib: number;
  /** All incremental backups of a day together. */
  readonly changeGibPerDay: number;
  readonly walGibPerDay: number;
}

/** Between two full backups. pgBackRest expires one when the next is as old as the retention. */
const FULL_EVERY_DAYS = 1;

export interface VaultDays {
  /** A backup of this region can be restored without further ado. */
  readonly listed: number;
  /** Then it is hidden behind a delete marker, and still paid for. */
  readonly hidden: number;
  /** Its copy in the other vault, both together. */
  readonly replica: number;
}

export function vaultDays({ lockDays, retentionDays }: BackupSettings): VaultDays {
  const listed = retentionDays + FULL_EVERY_DAYS;
  const replicaListed = retentionDays + REPLICA_SLACK_DAYS;
  return {
    listed,
    hidden: Math.max(retentionDays, lockDays - listed),
    replica: replicaListed + Math.max(retentionDays, lockDays - replicaListed),
  };
}

export interface VaultSize {
  /** GiB in the region's own vault once it is full: what is listed, and what is hidden. */
  readonly listedGib: number;
  readonly hiddenGib: number;
  /** GiB of the copy in the other region's vault. */
  readonly replicaGib: number;
}

/** What one active region's backups come to in the long run. A standby region adds no backups. */
export function vaultSize(settings: BackupSettings, workload: Workload): VaultSize {
  const { listed, hidden, replica } = vaultDays(settings);
  const perDay = workload.fullGib / FULL_EVERY_DAYS + workload.changeGibPerDay + workload.walGibPerDay;
  return { listedGib: perDay * listed, hiddenGib: perDay * hidden, replicaGib: perDay * replica };
}

/** All of it, in USD a month. A third copy costs what its own account decides. */
export const vaultUsdPerMonth = (
  { listedGib, hiddenGib, replicaGib }: VaultSize,
  usdPerGibMonth: number,
): number => (listedGib + hiddenGib + replicaGib) * usdPerGibMonth;
