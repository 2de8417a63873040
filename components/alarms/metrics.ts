/**
 * The project's own CloudWatch metrics: what the guards and the backups publish and the alarms read. No Pulumi here, so
 * that both sides import the same names. The namespace is `metricNamespaces` of the contract: each kind of machine has its own.
 *
 * Every guard tells all metrics of its scope, in either role, to the CloudWatch agent of its node by StatsD
 * (`STATSD` in nodes/layout.ts), as gauges, which can't be below 0: a sign would mean "more" or "less". The
 * agent publishes once per minute. Metrics of scope `region` carry no node: guards of one region publish into the same series, and the
 * alarm's statistic says whether the best or the worst of them counts. So a metric that stays away while
 * machines run means that no guard runs, which one alarm (`no-leader`) tells; the others stay quiet then.
 */

/** How often the agent publishes. Alarms use periods of this length or longer. */
export const METRIC_INTERVAL_SECONDS = 60;

export interface MetricDefinition {
  readonly name: string;
  /**
   * What the numbers are. CloudWatch has no unit for hours or booleans: those say None, and the name says hours.
   * StatsD carries no unit, so CloudWatch shows None there; alarms name none, and so read any.
   */
  readonly unit: "Seconds" | "Percent" | "Count" | "None";
  /** `region`: no dimension. `node`: dimension Node, the node's name. */
  readonly scope: "region" | "node";
  /** What is measured, and what it is where there is nothing to measure, so that it makes sense in either role. */
  readonly meaning: string;
}

export const METRICS = {
  leaderSeen: {
    name: "LeaderSeen",
    unit: "None",
    scope: "region",
    meaning:
      "1 when this guard knows a leader of its region's cluster whose Patroni answers 200 on /leader, else 0. In a standby region the standby leader counts.",
  },
  replicationLagSeconds: {
    name: "ReplicationLagSeconds",
    unit: "Seconds",
    scope: "region",
    meaning:
      "Replay lag of the slowest replica behind the leader in the same region. Published by the leader's guard; 0 when there is nothing to replay.",
  },
  crossRegionLagSeconds: {
    name: "CrossRegionLagSeconds",
    unit: "Seconds",
    scope: "region",
    meaning:
      "Seconds since this region last proved that it had caught up with the active region's published position. Published by the standby leader's guard; 0 in the active region.",
  },
  unarchivedWalSeconds: {
    name: "UnarchivedWalSeconds",
    unit: "Seconds",
    scope: "region",
    meaning:
      "Age of the oldest write that the vault doesn't hold yet. Published by the leader's guard; 0 when all is archived, and in the standby region, which archives nothing.",
  },
  backupAgeHours: {
    name: "BackupAgeHours",
    unit: "None",
    scope: "region",
    meaning:
      "Age of the newest complete backup of the active region that can be read in this region's vault. In the standby region it proves that the copies arrive.",
  },
  backupFailed: {
    name: "BackupFailed",
    unit: "None",
    scope: "region",
    meaning:
      "1 when the last attempt at a backup failed, 0 when it succeeded; told every minute by the node that made it, until another one has.",
  },
  backupSeconds: {
    name: "BackupSeconds",
    unit: "Seconds",
    scope: "region",
    meaning: "How long the newest backup took. Published by the leader, from the repository's own record.",
  },
  backupMebibytes: {
    name: "BackupMebibytes",
    unit: "None",
    scope: "region",
    meaning:
      "What the newest backup added to the repository, compressed, in MiB. Published by the leader, from the repository's own record.",
  },
  dumpAgeHours: {
    name: "DumpAgeHours",
    unit: "None",
    scope: "region",
    meaning:
      "Age of the newest complete logical dump of this region. Published by the leader of the active region; 0 where `backup.dumpDays` is 0.",
  },
  verifyFailed: {
    name: "VerifyFailed",
    unit: "None",
    scope: "region",
    meaning: "1 when pgBackRest's last `verify` of the repository found something, else 0.",
  },
  missingWalSegments: {
    name: "MissingWalSegments",
    unit: "Count",
    scope: "region",
    meaning:
      "WAL segments that lie between the oldest full backup that is kept and the newest archived segment and are not in the vault: no restore gets past such a hole.",
  },
  vaultTampered: {
    name: "VaultTampered",
    unit: "Count",
    scope: "region",
    meaning:
      "What is wrong with the vault as its readers see it: versioning not on, the lock's default gone or shorter than the settings', backups or WAL hidden by a delete that pgBackRest would not have made, info files that don't fit their copies; and of both regions' vaults policy, public access, encryption, the key's state, replication or lifecycle that aren't as declared.",
  },
  restoreTestFailed: {
    name: "RestoreTestFailed",
    unit: "None",
    scope: "region",
    meaning: "1 when the newest restore test of this region's vault failed, else 0. From its signed report.",
  },
  restoreTestAgeHours: {
    name: "RestoreTestAgeHours",
    unit: "None",
    scope: "region",
    meaning:
      "Age of the newest restore test that passed, by its signed report in the vault; 0 where `restoreTest.everyHours` is 0.",
  },
  restoreTestSeconds: {
    name: "RestoreTestSeconds",
    unit: "Seconds",
    scope: "region",
    meaning: "What the newest restore test took from the order to the last check: the actual restore time.",
  },
  restoreTestRpoSeconds: {
    name: "RestoreTestRpoSeconds",
    unit: "Seconds",
    scope: "region",
    meaning:
      "From the newest commit that the newest restore test found to the moment at which it began: the actual recovery point.",
  },
  escrowAgeDays: {
    name: "EscrowAgeDays",
    unit: "None",
    scope: "region",
    meaning:
      "Days since an operator last opened the escrow and found the live passphrase in it; 36,500 when that was never, or with another passphrase. Published by the restore machine after each test.",
  },
  claimReadAgeSeconds: {
    name: "ClaimReadAgeSeconds",
    unit: "Seconds",
    scope: "region",
    meaning:
      "Seconds since this guard last read the claims. What is left of the region lease is promotion.leaseSeconds less this; in the standby region it says how soon a promotion would be seen.",
  },
  regionActive: {
    name: "RegionActive",
    unit: "None",
    scope: "region",
    meaning:
      "1 where this guard's node serves writes under both leases, else 0. The region's is the maximum.",
  },
  regionLeaseSecondsLeft: {
    name: "RegionLeaseSecondsLeft",
    unit: "Seconds",
    scope: "region",
    meaning:
      "What is left of the region lease on this guard's node. 0 in a region that isn't the greatest, and where the lease has run out.",
  },
  claimReadFailures: {
    name: "ClaimReadFailures",
    unit: "Count",
    scope: "region",
    meaning:
      "Reads of the claims that failed at both replicas since this guard last published. A counter, not a gauge.",
  },
  unexpectedClaims: {
    name: "UnexpectedClaims",
    unit: "Count",
    scope: "region",
    meaning:
      "Claims of either region that no stack can have made: numbers that settings don't take, or the other region's parity. The guards ignore them.",
  },
  certificateDaysLeft: {
    name: "CertificateDaysLeft",
    unit: "None",
    scope: "region",
    meaning:
      "Days until the first certificate on a machine ends: its own, or that of an authority that it trusts. Every kind of machine publishes it, in its namespace, each node also with the dimension Node.",
  },
  imageAgeDays: {
    name: "ImageAgeDays",
    unit: "None",
    scope: "region",
    meaning:
      "Days since the build of the image that a machine runs. Every kind of machine publishes it, in its namespace, each node also with the dimension Node.",
  },
  dataVolumeUsedPercent: {
    name: "DataVolumeUsedPercent",
    unit: "Percent",
    scope: "node",
    meaning: "Used share of the data volume, which holds the database and its WAL.",
  },
} as const satisfies Record<string, MetricDefinition>;

/** Dimensions of a metric of scope `node`; those of scope `region` have none. */
export const nodeDimensions = (node: string): { Node: string } => ({ Node: node });
