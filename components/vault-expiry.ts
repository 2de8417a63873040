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
export function vaultExpiry(own: Region, other: Region, retentionDays: number): Rule[] {
  const { dumps, restoreTests } = REPOSITORY_FOLDERS;
  const ownFolder = (folder: string) => ({ prefix: `${own.repositoryPath.slice(1)}/${folder}/` });
  return [
    expireSuperseded(retentionDays),
    byAge("expire-dumps", ownFolder(dumps), retentionDays),
    byAge("expire-restore-tests", ownFolder(restoreTests), retentionDays),
    ...replicaExpiry(other, retentionDays, "replica"),
  ];
}

/** The lifecycle of the copies of both vaults: replicas, all of them. */
export const copyExpiry = (regions: readonly Region[], retentionDays: number): Rule[] => [
  expireSuperseded(retentionDays),
  ...regions.flatMap((region) => replicaExpiry(region, retentionDays, region.id)),
];

type Region = Pick<RegionContract, "id" | "repositoryPath">;

/** Of what one region's pgBackRest and jobs wrote elsewhere. @param what part of the rules' ids */
function replicaExpiry({ repositoryPath }: Region, retentionDays: number, what: string): Rule[] {
  const { dumps, restoreTests } = REPOSITORY_FOLDERS;
  const replicas = `${repositoryPath.slice(1)}/`;
  const days = retentionDays + REPLICA_SLACK_DAYS;
  return [
    // backup.info is here too; each backup rewrites it.
    byAge(`expire-${what}-backups`, { prefix: `${replicas}backup/` }, days),
    byAge(
      `expire-${what}-archive`,
      { and: { prefix: `${replicas}archive/`, objectSizeGreaterThan: REPOSITORY_INFO_BYTES } },
      days,
    ),
    byAge(`expire-${what}-dumps`, { prefix: `${replicas}${dumps}/` }, days),
    byAge(`expire-${what}-restore-tests`, { prefix: `${replicas}${restoreTests}/` }, days),
  ];
}

const byAge = (id: string, filter: Rule["filter"], days: number): Rule => ({
  id,
  status: "Enabled",
  filter,
  expiration: { days },
});
