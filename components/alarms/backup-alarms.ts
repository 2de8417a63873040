/**
 * The alarms on one region's backups: WAL, backups, dumps, the vault and its copies, restore tests. No Pulumi here.
 *
 * Database nodes publish these metrics. The restore machine publishes its test's result too, in a separate namespace: a cold
 * site's only sign from its vault.
 */

import {
  type Contract,
  type MachineKind,
  otherRegion,
  type RegionContract,
  VAULT_COPY_RULE,
  vaultReplicationRule,
} from "../../settings/contract.js";
import type { RegionSettings } from "../../settings/schema.js";
import { METRICS, type MetricDefinition } from "./metrics.js";
import type { AlarmSpec, Metric } from "./spec.js";

export type BackupAlarmSettings = Pick<RegionSettings, "site" | "objectives" | "backup" | "restoreTest">;

/** S3's replication time control promises 15 minutes; below that its lag can't be held against it. */
const REPLICATION_TIME_CONTROL_SECONDS = 900;

/** A restore test is late when one was missed and the next is overdue by so much: a large restore takes hours. */
const RESTORE_TEST_GRACE_HOURS = 3;

/**
 * Nodes look at the vault and tell what they see within each archive timeout: in a shorter period there would be none,
 * and none is not bad. In seconds; CloudWatch takes whole minutes.
 */
const lookSeconds = ({ backup }: BackupAlarmSettings): number =>
  60 * Math.ceil(backup.archiveTimeoutSeconds / 60);

/** CloudWatch looks back a week at the most. */
const LONGEST_LOOK_HOURS = 168;

/** @param region the region that is watched. */
export const backupAlarmSpecs = (
  settings: BackupAlarmSettings,
  contract: Contract,
  region: RegionContract,
): AlarmSpec[] => {
  const of =
    (kind: MachineKind): Own =>
    ({ name: metricName }) => ({ namespace: contract.metricNamespaces[kind], metricName });
  const own = of("database");
  return [
    ...walArchiving(settings, own),
    ...backups(settings, own),
    ...vault(settings, own),
    ...restoreTests(settings, own, of(settings.site === "cold" ? "restore" : "database")),
    ...escrow(settings, of("restore")),
    ...vaultReplication(settings, contract, region),
  ];
};

type Own = (metric: MetricDefinition) => Metric;

function walArchiving(settings: BackupAlarmSettings, own: Own): AlarmSpec[] {
  const { objectives, backup } = settings;
  const late = 3 * backup.archiveTimeoutSeconds;
  const common = {
    metric: own(METRICS.unarchivedWalSeconds),
    statistic: "Maximum",
    breachesWhen: "GreaterThanThreshold",
    periodSeconds: lookSeconds(settings),
    periods: 2,
  } as const;
  return [
    {
      ...common,
      alarm: "wal-archiving-late",
      severity: "notify",
      summary: `The vault lacks writes older than ${late} s, three times the archive timeout.`,
      threshold: late,
    },
    {
      ...common,
      alarm: "wal-archiving-broken",
      severity: "page",
      summary: `The vault lacks writes older than ${objectives.rpoSeconds} s, the recovery point objective.`,
      threshold: objectives.rpoSeconds,
    },
  ];
}

function backups(settings: BackupAlarmSettings, own: Own): AlarmSpec[] {
  const { maxAgeHours, dumpDays } = settings.backup;
  // A dump is due after `dumpDays`, and has a day to be made.
  const dumpHours = 24 * (dumpDays + 1);
  return [
    {
      alarm: "backup-too-old",
      severity: "notify",
      summary: `The newest backup that can be read in this region's vault is older than ${maxAgeHours} h, or none can be read.`,
      metric: own(METRICS.backupAgeHours),
      statistic: "Minimum",
      breachesWhen: "GreaterThanThreshold",
      threshold: maxAgeHours,
      periodSeconds: 3600,
      periods: 2,
      // Guards that can't read the vault publish no age, and an unknown backup is none.
      signOfLifeOf: "database",
    },
    {
      alarm: "backup-failed",
      // The next attempt may succeed; that none does, `backup-too-old` says.
      severity: "notify",
      summary: "The last attempt at a backup failed.",
      metric: own(METRICS.backupFailed),
      ...isSet,
      periodSeconds: lookSeconds(settings),
      periods: 5,
    },
    ...(dumpDays === 0
      ? []
      : [
          {
            alarm: "dump-too-old",
            severity: "notify",
            summary: `The newest complete logical dump of this region is older than ${dumpHours} h.`,
            // Only the leader of the active region tells it: silence says nothing.
            metric: own(METRICS.dumpAgeHours),
            statistic: "Minimum",
            breachesWhen: "GreaterThanThreshold",
            threshold: dumpHours,
            periodSeconds: 3600,
            periods: 2,
          } as const,
        ]),
  ];
}

function vault(settings: BackupAlarmSettings, own: Own): AlarmSpec[] {
  const periodSeconds = lookSeconds(settings);
  return [
    {
      alarm: "wal-gap",
      severity: "page",
      summary: "WAL segments are missing from the vault: no restore gets past the hole.",
      metric: own(METRICS.missingWalSegments),
      ...isSet,
      periodSeconds,
      periods: 1,
    },
    {
      alarm: "vault-tampered",
      severity: "page",
      summary: "The vault's protection or its contents are not as the backups left them.",
      metric: own(METRICS.vaultTampered),
      ...isSet,
      periodSeconds,
      periods: 1,
    },
    ...(settings.backup.verifyDays === 0
      ? []
      : [
          {
            alarm: "verify-failed",
            severity: "page",
            summary: "pgBackRest's verification found the repository damaged.",
            metric: own(METRICS.verifyFailed),
            ...isSet,
            periodSeconds: Math.max(300, periodSeconds),
            periods: 1,
          } as const,
        ]),
  ];
}

const oldTestHours = ({ everyHours }: BackupAlarmSettings["restoreTest"]): number =>
  2 * everyHours + RESTORE_TEST_GRACE_HOURS;

/** @param result of whom the last test's result is read: a cold site has no database node that would repeat it */
function restoreTests(settings: BackupAlarmSettings, own: Own, result: Own): AlarmSpec[] {
  if (settings.restoreTest.everyHours === 0) return [];
  const oldHours = oldTestHours(settings.restoreTest);
  const tooOld = {
    alarm: "restore-test-too-old",
    severity: "notify",
    summary: `No restore of this region's vault has been proven for ${oldHours} h.`,
  } as const;
  return [
    {
      alarm: "restore-test-failed",
      severity: "page",
      summary: "The newest restore test of this region's vault failed: its backups may be of no use.",
      metric: result(METRICS.restoreTestFailed),
      ...isSet,
      periodSeconds: Math.max(300, lookSeconds(settings)),
      periods: 1,
    },
    {
      ...tooOld,
      metric: own(METRICS.restoreTestAgeHours),
      statistic: "Minimum",
      breachesWhen: "GreaterThanThreshold",
      threshold: oldHours,
      periodSeconds: 3600,
      periods: 2,
      signOfLifeOf: "database",
    },
    // On a cold standby only the restore machine publishes, once as it ends. With tests more than half a week
    // apart, CloudWatch can't tell a late test from a missing one, so there is no such alarm.
    ...(settings.site === "cold" && oldHours <= LONGEST_LOOK_HOURS
      ? [
          {
            ...tooOld,
            suffix: "cold",
            metric: result(METRICS.restoreTestFailed),
            statistic: "Minimum",
            breachesWhen: "GreaterThanThreshold",
            threshold: 0,
            periodSeconds: 3600,
            periods: oldHours,
            signOfLifeOf: "anything",
          } as const,
        ]
      : []),
  ];
}

/**
 * The restore machine publishes the age once, as it ends. A test that says nothing counts like an old escrow: one that
 * was never checked. With tests more than half a week apart, or none, only the pipeline checks.
 */
function escrow({ backup, restoreTest }: BackupAlarmSettings, result: Own): AlarmSpec[] {
  const hours = oldTestHours(restoreTest);
  if (restoreTest.everyHours === 0 || hours > LONGEST_LOOK_HOURS) return [];
  return [
    {
      alarm: "escrow-old",
      severity: "notify",
      summary: `If this account were lost, its backups might be unreadable: no test of the last ${hours} h saw an escrow with the live passphrase, verified within ${backup.escrowMaxDays} days.`,
      metric: result(METRICS.escrowAgeDays),
      statistic: "Minimum",
      breachesWhen: "GreaterThanThreshold",
      threshold: backup.escrowMaxDays,
      periodSeconds: 3600,
      periods: hours,
      signOfLifeOf: "anything",
    },
  ];
}

/** This region's vault as the source. S3 reports nothing while there is nothing to copy. */
function vaultReplication(
  { objectives, backup }: BackupAlarmSettings,
  contract: Contract,
  region: RegionContract,
): AlarmSpec[] {
  const other = contract[otherRegion(region.id)];
  const allowed = Math.max(objectives.rpoSeconds, REPLICATION_TIME_CONTROL_SECONDS);
  const copies = [
    {
      whose: "The other region's copy",
      where: "to the other region",
      bucket: other.vaultBucket,
      rule: vaultReplicationRule(other),
    },
    ...(backup.copyTo
      ? [
          {
            whose: "The other account's copy",
            where: "to the other account",
            bucket: backup.copyTo.bucketArn.split(":").at(-1) as string,
            rule: VAULT_COPY_RULE,
            suffix: "copy",
          },
        ]
      : []),
  ];
  return copies.flatMap(({ whose, where, bucket, rule, ...suffix }): AlarmSpec[] => {
    const metric = (metricName: string): Metric => ({
      namespace: "AWS/S3",
      metricName,
      dimensions: { SourceBucket: region.vaultBucket, DestinationBucket: bucket, RuleId: rule },
    });
    return [
      {
        alarm: "vault-replication-behind",
        severity: "notify",
        summary: `${whose} of this vault is more than ${allowed} s behind.`,
        metric: metric("ReplicationLatency"),
        statistic: "Maximum",
        breachesWhen: "GreaterThanThreshold",
        threshold: allowed,
        periodSeconds: 300,
        periods: 3,
        ...suffix,
      },
      {
        alarm: "vault-replication-failed",
        severity: "notify",
        summary: `S3 gave up copying objects of this vault ${where}; it doesn't try them again.`,
        metric: metric("OperationsFailedReplication"),
        statistic: "Sum",
        breachesWhen: "GreaterThanThreshold",
        threshold: 0,
        periodSeconds: 300,
        periods: 1,
        ...suffix,
      },
    ];
  });
}

/** One node that says so is enough. */
const isSet = { statistic: "Maximum", breachesWhen: "GreaterThanThreshold", threshold: 0 } as const;
