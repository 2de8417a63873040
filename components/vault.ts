/** The vaults: immutable backup buckets, one per region, each holding a copy of the other. */
import * as iam from "@pulumi/aws/iam/index.js";
import * as s3 from "@pulumi/aws/s3/index.js";
import type * as inputs from "@pulumi/aws/types/input.js";
import * as pulumi from "@pulumi/pulumi";
import {
  COPY_RULE,
  type Contract,
  type CopyContract,
  otherRegion,
  vaultReplicationRule,
} from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";
import { trustService } from "./access/policy-document.js";
import { replicationPolicy } from "./access/vault-replication-policy.js";
import { SecureBucket } from "./secure-bucket.js";
import { vaultExpiry } from "./vault-expiry.js";

export interface VaultArgs {
  readonly contract: Contract;
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
        lifecycle: vaultExpiry(contract[id], contract[otherRegion(id)], retentionDays),
      },
      { parent: this, provider: this.args[id] },
    );
  }

  /**
   * One direction, and the copy in another account where there is one. Each vault has its own role that can read
   * it and write replicas elsewhere. What came from the other vault isn't sent on: the third copy gets both from
   * where they were made, so that it doesn't hang on either vault alone.
   */
  private replicate(from: RegionId, buckets: Readonly<Record<RegionId, SecureBucket>>): void {
    const to = otherRegion(from);
    const { contract, keyArns, permissionsBoundary, home } = this.args;
    const { copy } = contract;
    const at = `${this.name}-${from}-to-${to}`;
    const role = new iam.Role(
      `${at}-role`,
      {
        name: contract[from].vaultReplicationRole,
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
          .apply(([fromKey, toKey]) =>
            replicationPolicy(contract[from], { ...contract[to], key: toKey }, fromKey, copy),
          ),
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
            ...REPLICATION_RULE,
            id: vaultReplicationRule(contract[to]),
            priority: 1,
            // S3 treats multi-Region keys as single-Region: the copy needs its own region's key.
            destination: destination(buckets[to].arn, keyArns[to]),
          },
          ...(copy ? [copyRule(copy, copy.vaultBucket, 2)] : []),
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

/** The rule by which a bucket copies to `bucket` of the other account. @param priority unique among the bucket's rules */
export const copyRule = (
  copy: CopyContract,
  bucket: string,
  priority: number,
): inputs.s3.BucketReplicationConfigRule => ({
  ...REPLICATION_RULE,
  id: COPY_RULE,
  priority,
  destination: {
    ...destination(`arn:aws:s3:::${bucket}`, copy.keyAliasArn),
    account: copy.accountId,
    // Else this account would own what lies there, and could take it away.
    accessControlTranslation: { owner: "Destination" },
  },
});

/** What all rules have in common: everything, and no deletes. */
const REPLICATION_RULE = {
  status: "Enabled",
  filter: { prefix: "" },
  // A malicious delete must not reach the copy.
  deleteMarkerReplication: { status: "Disabled" },
  // S3 skips KMS-encrypted objects unless told otherwise; all of these are.
  sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: "Enabled" } },
};

const destination = (
  bucket: pulumi.Input<string>,
  replicaKmsKeyId: pulumi.Input<string>,
): inputs.s3.BucketReplicationConfigRuleDestination => ({
  bucket,
  storageClass: "STANDARD",
  encryptionConfiguration: { replicaKmsKeyId },
  replicationTime: { status: "Enabled", time: { minutes: REPLICATION_MINUTES } },
  // Without metrics no alarm sees replication fall behind; the replication time requires them.
  metrics: { status: "Enabled", eventThreshold: { minutes: REPLICATION_MINUTES } },
});
