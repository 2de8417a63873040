/** The lifecycle of the objects in a vault. vault-cost.ts estimates what keeping them costs. */
import type * as inputs from "@pulumi/aws/types/input.js";
import { REPOSITORY_FOLDERS, type RegionContract } from "../settings/contract.js";
import { expireSuperseded } from "./secure-bucket.js";

type Rule = inputs.s3.BucketLifecycleConfigurationRule;

/**
 * Smaller objects are no WAL segments worth expiring, but may be `archive.info`, which pgBackRest writes
 * once and needs for ever: without it a repository can't be read at all.
 */
const REPOSITORY_INFO_BYTES = 8192;

/**
 * How much longer a replica stays than superseded versions do. pgBackRest expires backups in its own vault
 * only, and deletes are not replicated, so replicas expire by age: later than any backup that the
 * other region's pgBackRest still lists and that needs them (a full backup and what builds on it).
 */
export const REPLICA_SLACK_DAYS = 30;

/**
 * Own backups and WAL expire only after pgBackRest deleted them (a delete marker makes them noncurrent): that is also
 * how long it takes until backups hidden by an attacker are gone. Own dumps and reports, which no program deletes, expire
 * by age, and so do replicas, see REPLICA_SLACK_DAYS. Object Lock holds back any of this while it lasts.
 */
export function vaultExpiry(
  own: Pick<RegionContract, "repositoryPath">,
  other: Pick<RegionContract, "repositoryPath">,
  retentionDays: number,
): Rule[] {
  const { dumps, restoreTests } = REPOSITORY_FOLDERS;
  const byAge = (id: string, filter: Rule["filter"], days: number): Rule => ({
    id,
    status: "Enabled",
    filter,
    expiration: { days },
  });
  const ownFolder = (folder: string) => ({ prefix: `${own.repositoryPath.slice(1)}/${folder}/` });
  const replicas = `${other.repositoryPath.slice(1)}/`;
  const replicaDays = retentionDays + REPLICA_SLACK_DAYS;
  return [
    expireSuperseded(retentionDays),
    byAge("expire-dumps", ownFolder(dumps), retentionDays),
    byAge("expire-restore-tests", ownFolder(restoreTests), retentionDays),
    // backup.info is here too; each backup rewrites it.
    byAge("expire-replica-backups", { prefix: `${replicas}backup/` }, replicaDays),
    byAge(
      "expire-replica-archive",
      { and: { prefix: `${replicas}archive/`, objectSizeGreaterThan: REPOSITORY_INFO_BYTES } },
      replicaDays,
    ),
    byAge("expire-replica-dumps", { prefix: `${replicas}${dumps}/` }, replicaDays),
    byAge("expire-replica-restore-tests", { prefix: `${replicas}${restoreTests}/` }, replicaDays),
  ];
}
