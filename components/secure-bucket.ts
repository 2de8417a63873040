/** A bucket with everything switched on that every bucket of this project must have. */
import * as s3 from "@pulumi/aws/s3/index.js";
import type * as inputs from "@pulumi/aws/types/input.js";
import * as pulumi from "@pulumi/pulumi";
import { bucketStatements } from "./access/bucket-policies.js";
import { policyDocument, type Statement } from "./access/policy-document.js";

export interface SecureBucketArgs {
  /** Name in the whole world; fixed, because the other region derives it. */
  readonly bucketName: string;
  /** KMS key of the bucket's own region. */
  readonly keyArn: pulumi.Input<string>;
  /**
   * Days for which no user, not even the account's root, can delete or overwrite a new object version
   * (Object Lock, COMPLIANCE). Default: no lock. It can't be added later.
   */
  readonly lockDays?: number;
  /** What expires when. Broken uploads are always ended after a week. */
  readonly lifecycle: readonly inputs.s3.BucketLifecycleConfigurationRule[];
  /**
   * Refuse puts that ask for another key or for none. Default true. Without it they merely default to
   * `keyArn`.
   */
  readonly onlyThisKey?: boolean;
  /** Further statements of the bucket's policy. Default: none. */
  readonly statements?: readonly Statement[];
}

/** Days after which parts of an upload that was never finished are removed. */
const ABORT_UPLOAD_DAYS = 7;

/** Versions that another one has replaced, or a delete has hidden, go after so many days. */
export const expireSuperseded = (days: number): inputs.s3.BucketLifecycleConfigurationRule => ({
  id: "expire-superseded",
  status: "Enabled",
  filter: {},
  noncurrentVersionExpiration: { noncurrentDays: days },
  expiration: { expiredObjectDeleteMarker: true },
});

/** Everything goes after so many days. */
export const expireAll = (days: number): inputs.s3.BucketLifecycleConfigurationRule => ({
  id: "expire",
  status: "Enabled",
  filter: {},
  expiration: { days },
  // Expiry leaves a noncurrent version; it is past its lock by then.
  noncurrentVersionExpiration: { noncurrentDays: 1 },
});

/**
 * Versioned, encrypted with one key of ours, TLS only, no ACLs, nothing public; optionally immutable.
 * Reads and writes are recorded as CloudTrail data events (`audit.ts`), not as server access logs.
 */
export class SecureBucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** What must be there before anything is stored or replicated. */
  readonly ready: readonly pulumi.Resource[];

  constructor(
    private readonly name: string,
    private readonly args: SecureBucketArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:storage:SecureBucket", name, {}, opts);
    const bucket = this.bucket();
    this.bucketName = bucket.bucket;
    this.arn = bucket.arn;
    const versioning = this.versioning();
    const encryption = this.encryption();
    const lock = this.objectLock(versioning);
    const policy = this.policy(this.publicAccess(this.ownership()));
    this.lifecycle(versioning);
    this.ready = [versioning, encryption, policy, ...(lock ? [lock] : [])];
    this.registerOutputs({ bucketName: this.bucketName, arn: this.arn });
  }

  private bucket(): s3.Bucket {
    const { bucketName, lockDays } = this.args;
    return new s3.Bucket(
      this.name,
      { bucket: bucketName, ...(lockDays && { objectLockEnabled: true }) },
      { parent: this, protect: true },
    );
  }

  private versioning(): s3.BucketVersioning {
    return new s3.BucketVersioning(
      `${this.name}-versioning`,
      { bucket: this.bucketName, versioningConfiguration: { status: "Enabled" } },
      { parent: this },
    );
  }

  private encryption(): s3.BucketServerSideEncryptionConfiguration {
    return new s3.BucketServerSideEncryptionConfiguration(
      `${this.name}-encryption`,
      {
        bucket: this.bucketName,
        rules: [
          {
            applyServerSideEncryptionByDefault: {
              sseAlgorithm: "aws:kms",
              kmsMasterKeyId: this.args.keyArn,
            },
            // One call to KMS for many objects: an archive of WAL makes one object a minute, a restore reads
            // all.
            bucketKeyEnabled: true,
            // Keys that come with the request leave no trace in KMS, and only the client has them.
            blockedEncryptionTypes: ["SSE-C"],
          },
        ],
      },
      { parent: this },
    );
  }

  private objectLock(versioning: s3.BucketVersioning): s3.BucketObjectLockConfiguration | undefined {
    const { lockDays } = this.args;
    if (!lockDays) return undefined;
    return new s3.BucketObjectLockConfiguration(
      `${this.name}-lock`,
      {
        bucket: this.bucketName,
        objectLockEnabled: "Enabled",
        rule: { defaultRetention: { mode: "COMPLIANCE", days: lockDays } },
      },
      // S3 takes a lock on a versioned bucket only.
      { parent: this, dependsOn: versioning },
    );
  }

  private ownership(): s3.BucketOwnershipControls {
    return new s3.BucketOwnershipControls(
      `${this.name}-ownership`,
      { bucket: this.bucketName, rule: { objectOwnership: "BucketOwnerEnforced" } },
      { parent: this },
    );
  }

  private publicAccess(ownership: s3.BucketOwnershipControls): s3.BucketPublicAccessBlock {
    return new s3.BucketPublicAccessBlock(
      `${this.name}-public-access`,
      {
        bucket: this.bucketName,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      // S3 refuses two changes of a bucket's access at the same time: one after the other.
      { parent: this, dependsOn: ownership },
    );
  }

  private policy(publicAccess: s3.BucketPublicAccessBlock): s3.BucketPolicy {
    const { bucketName, keyArn, onlyThisKey = true, statements = [] } = this.args;
    const policy = pulumi
      .output(keyArn)
      .apply((key) =>
        policyDocument([...bucketStatements(bucketName, onlyThisKey ? key : undefined), ...statements]),
      );
    return new s3.BucketPolicy(
      `${this.name}-policy`,
      { bucket: this.bucketName, policy },
      { parent: this, dependsOn: publicAccess },
    );
  }

  private lifecycle(versioning: s3.BucketVersioning): void {
    new s3.BucketLifecycleConfiguration(
      `${this.name}-lifecycle`,
      {
        bucket: this.bucketName,
        rules: [
          {
            id: "abort-broken-uploads",
            status: "Enabled",
            filter: {},
            abortIncompleteMultipartUpload: { daysAfterInitiation: ABORT_UPLOAD_DAYS },
          },
          ...this.args.lifecycle,
        ],
      },
      { parent: this, dependsOn: versioning },
    );
  }
}
