import {
  DeleteBucketPolicyCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketReplicationCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import { awsPlugin, HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";
import { live, Resource } from "../support/resource.js";

const BUCKET = "aws:s3/bucket:Bucket";
const OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2";
const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";
const ROLE = "arn:aws:iam::111122223333:role/replication";
const KEY = "arn:aws:kms:eu-west-2:111122223333:key/mrk-1";

useEmulator();
let home: AwsPlugin;
let recovery: AwsPlugin;
let s3: S3Client;
beforeAll(async () => {
  home = await awsPlugin(HOME);
  recovery = await awsPlugin(RECOVERY);
  s3 = sdk(S3Client);
});

const bucketNamed = (name: string, more: object = {}) =>
  new Resource(home, BUCKET).create({ bucket: name, ...more });
const versioned = async (name: string, more: object = {}) => {
  await bucketNamed(name, more);
  await new Resource(home, VERSIONING).create({
    bucket: name,
    versioningConfiguration: { status: "Enabled" },
  });
};

describe("bucket", () => {
  test("lives", () =>
    live(home, {
      type: BUCKET,
      inputs: { bucket: "life", tags: { owner: "sre" } },
      change: { tags: { owner: "dba", tier: "1" } },
      replace: { bucket: "other", objectLockEnabled: true },
      outputs: {
        arn: "arn:aws:s3:::life",
        bucketRegionalDomainName: "life.s3.eu-west-1.amazonaws.com",
        tagsAll: { owner: "sre", project: "sandbox" },
      },
      tamper: () =>
        s3.send(
          new PutBucketTaggingCommand({
            Bucket: "life",
            Tagging: { TagSet: [{ Key: "owner", Value: "mallory" }] },
          }),
        ),
      drifted: ["tags"],
    }));

  test("is given a name that it keeps", async () => {
    const bucket = await new Resource(home, BUCKET, "logs").create({});
    expect(bucket.id).toMatch(/^logs-[0-9a-f]{7}$/);
    expect((await bucket.diff({})).changes).toEqual({});
  });

  test("is created in its own region", async () => {
    await bucketNamed("at-home");
    await expect(new Resource(recovery, BUCKET).create({ bucket: "at-home" })).rejects.toThrow(
      /already own it/,
    );
  });

  test("is not deleted while it holds objects, unless forced", async () => {
    const kept = await bucketNamed("kept");
    await s3.send(new PutObjectCommand({ Bucket: "kept", Key: "a", Body: "a" }));
    await expect(kept.delete()).rejects.toThrow(/not empty/);
    await kept.update({ bucket: "kept", forceDestroy: true });
    await kept.delete();
    expect(await kept.drift()).toBeUndefined();
  });

  test("refuses settings that it would ignore", () =>
    expect(bucketNamed("inline", { versioning: { enabled: true } })).rejects.toThrow(
      /versioning set on the bucket itself/,
    ));
});

describe("settings of a bucket", () => {
  test("versioning", async () => {
    await bucketNamed("versions");
    await live(home, {
      type: VERSIONING,
      inputs: { bucket: "versions", versioningConfiguration: { status: "Enabled" } },
      change: { versioningConfiguration: { status: "Suspended" } },
      replace: { bucket: "other" },
      tamper: () =>
        s3.send(
          new PutBucketVersioningCommand({
            Bucket: "versions",
            VersioningConfiguration: { Status: "Enabled" },
          }),
        ),
      drifted: ["versioningConfiguration"],
      staysReadable: true,
    });
  });

  test("versioning of a locked bucket can't be suspended, and outlives its resource", async () => {
    await bucketNamed("locked-versions", { objectLockEnabled: true });
    const enabled = { bucket: "locked-versions", versioningConfiguration: { status: "Enabled" } };
    const resource = await new Resource(home, VERSIONING).create(enabled);
    await expect(
      resource.update({ ...enabled, versioningConfiguration: { status: "Suspended" } }),
    ).rejects.toThrow(/InvalidBucketState.*can't be suspended/);
    await resource.delete();
    expect(await resource.drift()).toEqual([]);
  });

  test("object lock", async () => {
    await bucketNamed("locked", { objectLockEnabled: true });
    await live(home, {
      type: "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
      inputs: { bucket: "locked", rule: { defaultRetention: { mode: "COMPLIANCE", days: 35 } } },
      change: { rule: { defaultRetention: { mode: "COMPLIANCE", days: 40 } } },
      replace: { bucket: "other" },
      tamper: () =>
        s3.send(
          new PutObjectLockConfigurationCommand({
            Bucket: "locked",
            ObjectLockConfiguration: {
              ObjectLockEnabled: "Enabled",
              Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } },
            },
          }),
        ),
      drifted: ["rule"],
      staysReadable: true,
    });
  });

  test("object lock needs versioning", async () => {
    await bucketNamed("plain");
    await expect(
      new Resource(home, "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration").create({
        bucket: "plain",
        rule: { defaultRetention: { mode: "COMPLIANCE", days: 35 } },
      }),
    ).rejects.toThrow(/InvalidBucketState|Versioning/);
  });

  test("encryption", async () => {
    await bucketNamed("encrypted");
    const rules = (kmsMasterKeyId: string) => [
      {
        applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId },
        bucketKeyEnabled: true,
        blockedEncryptionTypes: ["SSE-C"],
      },
    ];
    await live(home, {
      type: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      inputs: { bucket: "encrypted", rules: rules(KEY) },
      change: { rules: rules(`${KEY}2`) },
      replace: { bucket: "other" },
      tamper: () =>
        s3.send(
          new PutBucketEncryptionCommand({
            Bucket: "encrypted",
            ServerSideEncryptionConfiguration: {
              Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
            },
          }),
        ),
      drifted: ["rules"],
      staysReadable: true,
    });
  });

  test("public access block", async () => {
    await bucketNamed("private");
    const all = {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    };
    await live(home, {
      type: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      inputs: { bucket: "private", ...all },
      change: { ignorePublicAcls: false },
      replace: { bucket: "other" },
      tamper: () =>
        s3.send(
          new PutPublicAccessBlockCommand({
            Bucket: "private",
            PublicAccessBlockConfiguration: { BlockPublicPolicy: false, BlockPublicAcls: true },
          }),
        ),
      drifted: ["blockPublicPolicy", "restrictPublicBuckets"],
    });
  });

  test("ownership", async () => {
    await bucketNamed("owned");
    await live(home, {
      type: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      inputs: { bucket: "owned", rule: { objectOwnership: "BucketOwnerEnforced" } },
      change: { rule: { objectOwnership: "BucketOwnerPreferred" } },
      tamper: () =>
        s3.send(
          new PutBucketOwnershipControlsCommand({
            Bucket: "owned",
            OwnershipControls: { Rules: [{ ObjectOwnership: "ObjectWriter" }] },
          }),
        ),
      drifted: ["rule"],
    });
  });

  test("policy", async () => {
    await bucketNamed("policed");
    const policy = (action: string) =>
      JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Deny", Principal: "*", Action: action, Resource: "arn:aws:s3:::policed" }],
      });
    await live(home, {
      type: "aws:s3/bucketPolicy:BucketPolicy",
      inputs: { bucket: "policed", policy: policy("s3:*") },
      change: { policy: policy("s3:PutObject") },
      replace: { bucket: "other" },
    });
    const gone = await new Resource(home, "aws:s3/bucketPolicy:BucketPolicy").create({
      bucket: "policed",
      policy: JSON.parse(policy("s3:*")),
    });
    await s3.send(new DeleteBucketPolicyCommand({ Bucket: "policed" }));
    expect(await gone.drift()).toBeUndefined();
  });

  test("lifecycle", async () => {
    await bucketNamed("aging");
    const rules = [
      {
        id: "archive",
        status: "Enabled",
        filter: { and: { prefix: "wal/", tags: { tier: "1" } } },
        transitions: [{ days: 30, storageClass: "STANDARD_IA" }],
        noncurrentVersionExpiration: { noncurrentDays: 90, newerNoncurrentVersions: 2 },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
      },
      { id: "expire", status: "Enabled", filter: { prefix: "" }, expiration: { days: 365 } },
      {
        id: "markers",
        status: "Enabled",
        filter: { prefix: "x/" },
        expiration: { expiredObjectDeleteMarker: true },
      },
    ];
    await live(home, {
      type: "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      inputs: { bucket: "aging", rules },
      change: { rules: [{ ...rules[0], status: "Disabled" }, ...rules.slice(1)] },
      replace: { bucket: "other" },
      tamper: () =>
        s3.send(
          new PutBucketLifecycleConfigurationCommand({
            Bucket: "aging",
            LifecycleConfiguration: {
              Rules: [{ ID: "wipe", Status: "Enabled", Filter: {}, Expiration: { Days: 1 } }],
            },
          }),
        ),
      drifted: ["rules"],
    });
  });

  test("replication between regions, copying objects", async () => {
    await versioned("source");
    const destination = await new Resource(recovery, BUCKET).create({ bucket: "destination" });
    await new Resource(recovery, VERSIONING).create({
      bucket: "destination",
      versioningConfiguration: { status: "Enabled" },
    });
    const rule = {
      id: "everything",
      status: "Enabled",
      priority: 0,
      filter: { prefix: "" },
      deleteMarkerReplication: { status: "Disabled" },
      sourceSelectionCriteria: {
        sseKmsEncryptedObjects: { status: "Enabled" },
        replicaModifications: { status: "Enabled" },
      },
      destination: {
        bucket: destination.outputs.arn,
        storageClass: "STANDARD_IA",
        encryptionConfiguration: { replicaKmsKeyId: KEY },
        replicationTime: { status: "Enabled", time: { minutes: 15 } },
        metrics: { status: "Enabled", eventThreshold: { minutes: 15 } },
      },
    };
    await live(home, {
      type: "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
      inputs: { bucket: "source", role: ROLE, rules: [rule] },
      change: { rules: [{ ...rule, priority: 1 }] },
      replace: { bucket: "other" },
      tamper: () =>
        s3.send(
          new PutBucketReplicationCommand({
            Bucket: "source",
            ReplicationConfiguration: {
              Role: ROLE,
              Rules: [
                {
                  Status: "Disabled",
                  Priority: 1,
                  Filter: { Prefix: "" },
                  DeleteMarkerReplication: { Status: "Disabled" },
                  Destination: { Bucket: destination.outputs.arn },
                },
              ],
            },
          }),
        ),
      drifted: ["rules"],
    });
  });
});

describe("object", () => {
  test("lives, with its content", async () => {
    await versioned("shelf");
    await live(home, {
      type: OBJECT,
      inputs: {
        bucket: "shelf",
        key: "runbooks/region lost.md",
        content: "# Region lost",
        contentType: "text/markdown",
        tags: { kind: "runbook" },
      },
      change: { content: "# Region lost, again" },
      replace: { key: "other", bucket: "other" },
      outputs: { arn: "arn:aws:s3:::shelf/runbooks/region lost.md", versionId: expect.any(String) },
      tamper: () =>
        s3.send(
          new PutObjectCommand({ Bucket: "shelf", Key: "runbooks/region lost.md", Body: "# Do nothing" }),
        ),
      drifted: ["content", "contentType", "tags"],
      importId: (resource) => `s3://${resource.id}`,
      notImported: ["content"],
    });
  });

  test("under COMPLIANCE is not deleted", async () => {
    await bucketNamed("evidence", { objectLockEnabled: true });
    const object = await new Resource(home, OBJECT).create({
      bucket: "evidence",
      key: "a",
      content: "a",
      objectLockMode: "COMPLIANCE",
      objectLockRetainUntilDate: "2099-01-01T00:00:00Z",
    });
    await expect(object.delete()).rejects.toThrow(/AccessDenied/);
    expect(await object.drift()).toEqual([]);
  });
});
