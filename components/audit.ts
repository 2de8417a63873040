/** Who did what: one trail over all regions, in a bucket that no user can alter. */
import * as cloudtrail from "@pulumi/aws/cloudtrail/index.js";
import * as iam from "@pulumi/aws/iam/index.js";
import * as s3 from "@pulumi/aws/s3/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract, CopyContract } from "../settings/contract.js";
import { type Statement, trustService } from "./access/policy-document.js";
import { auditReplicationPolicy } from "./access/vault-replication-policy.js";
import { expireAll, SecureBucket } from "./secure-bucket.js";
import { copyRule } from "./vault.js";

export interface AuditArgs {
  readonly contract: Contract;
  /** Key of the trail, in the home region. */
  readonly keyArn: pulumi.Input<string>;
  /** Days for which no user, not even root, can delete a log file. Default in settings: 365. */
  readonly lockDays: number;
  /** Days after which log files expire. At least `lockDays`; default in settings: 400. */
  readonly retentionDays: number;
  /** Boundary of the role that copies the log files to another account, where settings name one. */
  readonly permissionsBoundary: pulumi.Input<string>;
  /** Bucket with Pulumi's state, in whichever region. Default: its objects' reads and writes aren't recorded. */
  readonly stateBucket?: string;
}

/**
 * CloudTrail with management events of every region, and data events of what an attacker, or an auditor,
 * would be after: objects of vaults and runbooks, writes to the claim table. Data events take the place of
 * the buckets' server access logs, which come late, unsigned and without the caller's session.
 *
 * The bucket is in the home region. While that region is down CloudTrail retries delivery; the last 90
 * days of management events can be read in each other region without it.
 */
export class Audit extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly trailArn: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: AuditArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:audit:Audit", name, {}, opts);
    const bucket = this.bucket();
    this.bucketName = bucket.bucketName;
    this.trailArn = this.trail(bucket).arn;
    if (args.contract.copy) this.replicate(bucket, args.contract.copy);
    this.registerOutputs({ bucketName: this.bucketName, trailArn: this.trailArn });
  }

  private bucket(): SecureBucket {
    const { contract, keyArn, lockDays, retentionDays } = this.args;
    return new SecureBucket(
      `${this.name}-bucket`,
      {
        bucketName: contract.auditBucket,
        keyArn,
        lockDays,
        // CloudTrail may sign its digest files under a key of S3's own; refusing that would end the
        // validation.
        onlyThisKey: false,
        statements: deliveryOf(contract),
        lifecycle: [expireAll(retentionDays)],
      },
      { parent: this },
    );
  }

  /** What an administrator of this account might prevent from being written any more, but not take back. */
  private replicate(bucket: SecureBucket, copy: CopyContract): void {
    const { contract, keyArn, permissionsBoundary } = this.args;
    const at = `${this.name}-to-copy`;
    const role = new iam.Role(
      `${at}-role`,
      {
        name: contract.auditReplicationRole,
        description: `S3 copies ${contract.auditBucket} to ${copy.auditBucket}`,
        assumeRolePolicy: trustService("s3.amazonaws.com"),
        permissionsBoundary,
      },
      { parent: this },
    );
    const from = { region: contract.home.region, bucket: contract.auditBucket, ownKey: true };
    const permissions = new iam.RolePolicy(
      `${at}-permissions`,
      {
        role: role.name,
        policy: pulumi.output(keyArn).apply((key) => auditReplicationPolicy({ ...from, key }, copy)),
      },
      { parent: this },
    );
    new s3.BucketReplicationConfig(
      `${at}-replication`,
      {
        bucket: bucket.bucketName,
        role: role.arn,
        rules: [copyRule(copy, copy.auditBucket, 1)],
      },
      // As with the vaults: S3 takes it for a versioned bucket only, and the first object must find the role able.
      { parent: this, dependsOn: [permissions, ...bucket.ready] },
    );
  }

  private trail(bucket: SecureBucket): cloudtrail.Trail {
    const { keyArn, contract, stateBucket } = this.args;
    return new cloudtrail.Trail(
      `${this.name}-trail`,
      {
        name: contract.trail,
        s3BucketName: bucket.bucketName,
        kmsKeyId: keyArn,
        isMultiRegionTrail: true,
        includeGlobalServiceEvents: true,
        enableLogFileValidation: true,
        enableLogging: true,
        advancedEventSelectors: [
          {
            name: "Management events",
            fieldSelectors: [{ field: "eventCategory", equals: ["Management"] }],
          },
          {
            name: "Objects of vaults and runbooks",
            fieldSelectors: [
              { field: "eventCategory", equals: ["Data"] },
              { field: "resources.type", equals: ["AWS::S3::Object"] },
              {
                field: "resources.ARN",
                startsWiths: [contract.home, contract.recovery].flatMap(({ vaultBucket, runbookBucket }) => [
                  `arn:aws:s3:::${vaultBucket}/`,
                  `arn:aws:s3:::${runbookBucket}/`,
                ]),
              },
            ],
          },
          ...(stateBucket
            ? [
                {
                  // Reads, too: the state describes all of the deployment.
                  name: "Objects of Pulumi's state",
                  fieldSelectors: [
                    { field: "eventCategory", equals: ["Data"] },
                    { field: "resources.type", equals: ["AWS::S3::Object"] },
                    { field: "resources.ARN", startsWiths: [`arn:aws:s3:::${stateBucket}/`] },
                  ],
                },
              ]
            : []),
          {
            // Reads are left out: each guard reads the claims every other second.
            name: "Writes to the claim table",
            fieldSelectors: [
              { field: "eventCategory", equals: ["Data"] },
              { field: "resources.type", equals: ["AWS::DynamoDB::Table"] },
              { field: "readOnly", equals: ["false"] },
              {
                field: "resources.ARN",
                equals: [contract.home, contract.recovery].map(
                  ({ region }) =>
                    `arn:aws:dynamodb:${region}:${contract.accountId}:table/${contract.claimTable}`,
                ),
              },
            ],
          },
        ],
      },
      // CloudTrail tries the bucket's policy when the trail is made.
      { parent: this, dependsOn: [...bucket.ready], protect: true },
    );
  }
}

/** CloudTrail may write, for this one trail and into this account's folder only. */
function deliveryOf({ auditBucket, accountId, trailArn }: Contract): Statement[] {
  const sameTrail = { "aws:SourceArn": trailArn };
  return [
    {
      Sid: "TrailChecksAccess",
      Effect: "Allow",
      Principal: { Service: "cloudtrail.amazonaws.com" },
      Action: "s3:GetBucketAcl",
      Resource: `arn:aws:s3:::${auditBucket}`,
      Condition: { StringEquals: sameTrail },
    },
    {
      Sid: "TrailWrites",
      Effect: "Allow",
      Principal: { Service: "cloudtrail.amazonaws.com" },
      Action: "s3:PutObject",
      Resource: `arn:aws:s3:::${auditBucket}/AWSLogs/${accountId}/*`,
      Condition: { StringEquals: { ...sameTrail, "s3:x-amz-acl": "bucket-owner-full-control" } },
    },
  ];
}
