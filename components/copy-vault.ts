/** What another account keeps of this one: copies of both vaults and of the audit trail, locked, under its own key. */
import * as kms from "@pulumi/aws/kms/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract, CopyContract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import {
  auditReplicators,
  copyKeyPolicy,
  copyStatements,
  type Replicators,
  vaultReplicators,
} from "./access/copy-policies.js";
import { DELETION_WINDOW_DAYS } from "./access/key-policies.js";
import { expireAll, SecureBucket, type SecureBucketArgs } from "./secure-bucket.js";
import { copyExpiry } from "./vault-expiry.js";

export interface CopyVaultArgs {
  readonly contract: Contract;
  readonly copy: CopyContract;
  /** Locks and retention of the copies are those of the vaults and of the trail. */
  readonly backup: Pick<SharedSettings["backup"], "lockDays" | "retentionDays">;
  readonly audit: SharedSettings["audit"];
}

/**
 * Two buckets, since a bucket has one default lock: a year for the trail would keep a year of backups. S3 fills them
 * under the roles of the vaults' and the trail's replication. Those write versions; no identity of the first account reads
 * or deletes one, or changes a setting.
 */
export class CopyVault extends pulumi.ComponentResource {
  readonly bucketNames: Readonly<Record<"vaults" | "audit", pulumi.Output<string>>>;

  constructor(
    private readonly name: string,
    private readonly args: CopyVaultArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:storage:CopyVault", name, {}, opts);
    const { contract, copy, backup, audit } = args;
    const keyArn = this.key();
    const vaults = this.bucket("vaults", copy.vaultBucket, vaultReplicators(contract), {
      keyArn,
      lockDays: backup.lockDays,
      lifecycle: copyExpiry([contract.home, contract.recovery], backup.retentionDays),
    });
    const trail = this.bucket("audit", copy.auditBucket, auditReplicators(contract), {
      keyArn,
      lockDays: audit.lockDays,
      lifecycle: [expireAll(audit.retentionDays)],
    });
    this.bucketNames = { vaults: vaults.bucketName, audit: trail.bucketName };
    this.registerOutputs({ bucketNames: this.bucketNames });
  }

  private bucket(
    what: string,
    bucketName: string,
    replicators: Replicators,
    args: Omit<SecureBucketArgs, "bucketName" | "statements">,
  ): SecureBucket {
    const statements = copyStatements(this.args.contract, this.args.copy, bucketName, replicators);
    return new SecureBucket(`${this.name}-${what}`, { ...args, bucketName, statements }, { parent: this });
  }

  /** The first account finds it by its alias: replication takes an alias for a key, and no ARN has to be handed over. */
  private key(): pulumi.Output<string> {
    const { contract, copy } = this.args;
    const key = new kms.Key(
      `${this.name}-key`,
      {
        description: `${copy.keyAlias}: copies of another account's backups and audit trail`,
        enableKeyRotation: true,
        rotationPeriodInDays: 365,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: copyKeyPolicy(contract, copy),
      },
      { parent: this, protect: true },
    );
    new kms.Alias(
      `${this.name}-key-alias`,
      { name: copy.keyAlias, targetKeyId: key.keyId },
      { parent: this },
    );
    return key.arn;
  }
}
