/** The vaults: immutable backup buckets, one per region, each holding a copy of the other. */
import * as iam from "@pulumi/aws/iam/index.js";
import * as s3 from "@pulumi/aws/s3/index.js";
import type * as inputs from "@pulumi/aws/types/input.js";
import * as pulumi from "@pulumi/pulumi";
import type { RegionId } from "../settings/stacks.js";
import { type Contract, otherRegion, type RegionContract, vaultReplicationRule } from "../stacks/contract.js";
import { everythingIn, policyDocument, trustService } from "./policy-document.js";
import { expireSuperseded, SecureBucket } from "./secure-bucket.js";

export interface VaultArgs {
  readonly contract: Contract;
  /** Prefix of the replication roles' names: the pipeline may make roles of that prefix only. */
  readonly prefix: string;
  /** Days for which no object version can be deleted by anybody. Default in settings: 30. */
  readonly lockDays: number;
  /** Days that superseded and hidden versions stay. At least `lockDays`; default in settings: 35. */
  readonly retentionDays: number;
  /** Each region's own backups key. */
  readonly keyArns: Readonly<Record<RegionId, pulumi.Input<string>>>;
  /** Boundary of the replication roles. */
  readonly permissionsBoundary: pulumi.Input<string>;
  readonly home: pulumi.ProviderResource;
  readonly recovery: pulumi.ProviderResource;
}

/** The replication time that S3 gives a guarantee for; its only value. */
const REPLICATION_MINUTES = 15;

/**
 * How much longer a replica stays than superseded versions do. pgBackRest expires backups in its own vault
 * only, and deletes are not replicated, so replicas expire by age: later than any backup that the
 * other region's pgBackRest still lists and that needs them (a full backup and what builds on it).
 */
const REPLICA_SLACK_DAYS = 30;

/**
 * Smaller objects are no WAL segments worth expiring, but may be `archive.info`, which pgBackRest writes
 * once and needs for ever: without it a repository can't be read at all.
 */
const REPOSITORY_INFO_BYTES = 8192;

/**
 * Two vaults that replicate into each other. No loops: S3 never replicates a replica again, and changes to a
 * replica's metadata are not sent back.
 */
export class Vault extends pulumi.ComponentResource {
  readonly bucketNames: Readonly<Record<RegionId, pulumi.Output<string>>>;

  constructor(
    private readonly name: string,
    private readonly args: VaultArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:storage:Vault", name, {}, opts);
    const buckets = { home: this.bucket("home"), recovery: this.bucket("recovery") };
    this.bucketNames = { home: buckets.home.bucketName, recovery: buckets.recovery.bucketName };
    this.replicate("home", buckets);
    this.replicate("recovery", buckets);
    this.registerOutputs({ bucketNames: this.bucketNames });
  }

  private bucket(id: RegionId): SecureBucket {
    const { contract, keyArns, lockDays, retentionDays } = this.args;
    return new SecureBucket(
      `${this.name}-${id}`,
      {
        bucketName: contract[id].vaultBucket,
        keyArn: keyArns[id],
        lockDays,
        lifecycle: expiry(contract[otherRegion(id)], retentionDays),
      },
      { parent: this, provider: this.args[id] },
    );
  }

  /** One direction. Each has a role of its own that can read one bucket and write replicas to the other. */
  private replicate(from: RegionId, buckets: Readonly<Record<RegionId, SecureBucket>>): void {
    const to = otherRegion(from);
    const { contract, prefix, keyArns, permissionsBoundary, home } = this.args;
    const at = `${this.name}-${from}-to-${to}`;
    const role = new iam.Role(
      `${at}-role`,
      {
        name: `${prefix}-vault-${contract[from].region}-to-${contract[to].region}`,
        description: `S3 copies ${contract[from].vaultBucket} to ${contract[to].vaultBucket}`,
        // Who may hand the role to S3 is limited by iam:PassRole, which never crosses accounts.
        assumeRolePolicy: trustService("s3.amazonaws.com"),
        permissionsBoundary,
      },
      { parent: this, provider: home },
    );
    const permissions = new iam.RolePolicy(
      `${at}-permissions`,
      {
        role: role.name,
        policy: pulumi
          .all([keyArns[from], keyArns[to]])
          .apply(([fromKey, toKey]) => replicationPolicy(contract[from], contract[to], fromKey, toKey)),
      },
      { parent: this, provider: home },
    );
    new s3.BucketReplicationConfig(
      `${at}-replication`,
      {
        bucket: buckets[from].bucketName,
        role: role.arn,
        rules: [
          {
            id: vaultReplicationRule(contract[to]),
            priority: 1,
            status: "Enabled",
            filter: { prefix: "" },
            // A malicious delete must not reach the copy.
            deleteMarkerReplication: { status: "Disabled" },
            // S3 skips KMS-encrypted objects unless told otherwise; all of these are.
            sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: "Enabled" } },
            destination: {
              bucket: buckets[to].arn,
              storageClass: "STANDARD",
              // S3 treats multi-Region keys as single-Region: the copy needs the key of its own region.
              encryptionConfiguration: { replicaKmsKeyId: keyArns[to] },
              replicationTime: { status: "Enabled", time: { minutes: REPLICATION_MINUTES } },
              // Without metrics nobody sees replication fall behind; the replication time requires them.
              metrics: { status: "Enabled", eventThreshold: { minutes: REPLICATION_MINUTES } },
            },
          },
        ],
      },
      {
        parent: this,
        provider: this.args[from],
        // S3 accepts it only while both buckets are versioned; and the first object must find the role able.
        dependsOn: [permissions, ...buckets.home.ready, ...buckets.recovery.ready],
      },
    );
  }
}

/** What one replication role may do: read versions here, write replicas there, each under its own key. */
function replicationPolicy(from: RegionContract, to: RegionContract, fromKey: string, toKey: string): string {
  return policyDocument([
    {
      Sid: "ReadReplicationSettings",
      Effect: "Allow",
      Action: ["s3:GetReplicationConfiguration", "s3:ListBucket"],
      Resource: `arn:aws:s3:::${from.vaultBucket}`,
    },
    {
      Sid: "ReadVersions",
      Effect: "Allow",
      Action: [
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
        // The lock travels with the object.
        "s3:GetObjectRetention",
        "s3:GetObjectLegalHold",
      ],
      Resource: `arn:aws:s3:::${from.vaultBucket}/*`,
    },
    {
      Sid: "WriteReplicas",
      Effect: "Allow",
      // No s3:ReplicateDelete: delete markers stay where they were made.
      Action: ["s3:ReplicateObject", "s3:ReplicateTags"],
      Resource: `arn:aws:s3:::${to.vaultBucket}/*`,
    },
    {
      Sid: "DecryptSource",
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: fromKey,
      Condition: throughS3(from),
    },
    {
      Sid: "EncryptReplicas",
      Effect: "Allow",
      Action: ["kms:Encrypt", "kms:GenerateDataKey"],
      Resource: toKey,
      Condition: throughS3(to),
    },
  ]);
}

/** The encryption context is the bucket with bucket keys, the object without. */
const throughS3 = ({ region, vaultBucket }: RegionContract) => ({
  StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` },
  StringLike: { "kms:EncryptionContext:aws:s3:arn": everythingIn(vaultBucket) },
});

/**
 * Own objects expire only after pgBackRest deleted them (a delete marker makes them noncurrent): that is also
 * how long it takes until backups hidden by an attacker are gone. Replicas expire by age, see
 * REPLICA_SLACK_DAYS. Object Lock holds back any of this while it lasts.
 */
function expiry(other: RegionContract, retentionDays: number): inputs.s3.BucketLifecycleConfigurationRule[] {
  const replicas = `${other.repositoryPath.slice(1)}/`;
  const expiration = { days: retentionDays + REPLICA_SLACK_DAYS };
  return [
    expireSuperseded(retentionDays),
    {
      // backup.info stands here too; it is written anew with each backup.
      id: "expire-replica-backups",
      status: "Enabled",
      filter: { prefix: `${replicas}backup/` },
      expiration,
    },
    {
      id: "expire-replica-archive",
      status: "Enabled",
      filter: { and: { prefix: `${replicas}archive/`, objectSizeGreaterThan: REPOSITORY_INFO_BYTES } },
      expiration,
    },
  ];
}
