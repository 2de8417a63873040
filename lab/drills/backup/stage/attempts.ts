/** What somebody tries who wants a vault's content gone, useless or replaced: one request to S3 each. */
import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteBucketPolicyCommand,
  DeleteBucketReplicationCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeletePublicAccessBlockCommand,
  type ObjectVersion,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { policyDocument } from "../../../../components/access/policy-document.js";
import { DIVERGED_PREFIX } from "../../../../nodes/render/node-env.js";
import type { Scene } from "../../scene.js";
import { asNode, vaultOf } from "./attacker.js";

export interface Attempt {
  readonly what: string;
  readonly send: (s3: S3Client) => Promise<unknown>;
}

export const NOT_ENFORCED = "done here; S3 refuses it";

const SOON_MILLIS = 60_000;
const LATER_MILLIS = 100 * 86_400_000;
const OTHER_KEY = "arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-0000-0000-000000000000";

const inMillis = (millis: number): Date => new Date(Date.now() + millis);

/** At one locked version: gone, or kept for less long. */
function atVersion(bucket: string, { Key, VersionId }: ObjectVersion): Attempt[] {
  const version = { Bucket: bucket, Key, VersionId };
  const retain =
    (Mode: "COMPLIANCE" | "GOVERNANCE", millis: number, bypass = false) =>
    (s3: S3Client) =>
      s3.send(
        new PutObjectRetentionCommand({
          ...version,
          BypassGovernanceRetention: bypass,
          Retention: { Mode, RetainUntilDate: inMillis(millis) },
        }),
      );
  return [
    { what: "delete a version", send: (s3) => s3.send(new DeleteObjectCommand(version)) },
    {
      what: "delete a version in a batch",
      send: (s3) =>
        s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key, VersionId }] } })),
    },
    {
      what: "delete a version past governance",
      send: (s3) => s3.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true })),
    },
    {
      what: "delete a version past governance in a batch",
      send: (s3) =>
        s3.send(
          new DeleteObjectsCommand({
            Bucket: bucket,
            BypassGovernanceRetention: true,
            Delete: { Objects: [{ Key, VersionId }] },
          }),
        ),
    },
    { what: "shorten a retention to a minute", send: retain("COMPLIANCE", SOON_MILLIS) },
    { what: "turn a retention into a weaker one", send: retain("GOVERNANCE", LATER_MILLIS) },
    { what: "shorten a retention past governance", send: retain("GOVERNANCE", SOON_MILLIS, true) },
    {
      what: "remove a retention",
      send: (s3) => s3.send(new PutObjectRetentionCommand({ ...version, Retention: {} })),
    },
    { what: "delete the bucket", send: (s3) => s3.send(new DeleteBucketCommand({ Bucket: bucket })) },
  ];
}

/** With the rights of the home region's nodes. */
export function byNode(scene: Scene, target: ObjectVersion): Attempt[] {
  const { bucket, prefix } = vaultOf(scene, "home");
  const Bucket = bucket;
  const version = { Bucket, Key: target.Key, VersionId: target.VersionId };
  const hold = (Status: "ON" | "OFF") => (s3: S3Client) =>
    s3.send(new PutObjectLegalHoldCommand({ ...version, LegalHold: { Status } }));
  const one = (what: string, send: Attempt["send"]): Attempt => ({ what, send });
  const allowAll = policyDocument([
    {
      Sid: "Everybody",
      Effect: "Allow",
      Principal: "*",
      Action: "s3:*",
      Resource: `arn:aws:s3:::${bucket}/*`,
    },
  ]);
  return [
    ...atVersion(bucket, target),
    one("put a legal hold", hold("ON")),
    one("take a legal hold off", hold("OFF")),
    one("suspend versioning", (s3) => suspendVersioning(s3, bucket)),
    one("take the default lock off", (s3) =>
      s3.send(
        new PutObjectLockConfigurationCommand({
          Bucket,
          ObjectLockConfiguration: { ObjectLockEnabled: "Enabled" },
        }),
      ),
    ),
    one("change the bucket's policy", (s3) =>
      s3.send(new PutBucketPolicyCommand({ Bucket, Policy: allowAll })),
    ),
    one("delete the bucket's policy", (s3) => s3.send(new DeleteBucketPolicyCommand({ Bucket }))),
    one("change the bucket's encryption", (s3) =>
      s3.send(
        new PutBucketEncryptionCommand({
          Bucket,
          ServerSideEncryptionConfiguration: {
            Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
          },
        }),
      ),
    ),
    one("delete the bucket's encryption", (s3) => s3.send(new DeleteBucketEncryptionCommand({ Bucket }))),
    one("have everything expire tomorrow", (s3) =>
      s3.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket,
          LifecycleConfiguration: {
            Rules: [{ ID: "all", Status: "Enabled", Filter: { Prefix: "" }, Expiration: { Days: 1 } }],
          },
        }),
      ),
    ),
    one("end the replication", (s3) => s3.send(new DeleteBucketReplicationCommand({ Bucket }))),
    one("open it to the public", (s3) => s3.send(new DeletePublicAccessBlockCommand({ Bucket }))),
    one("make an object public", (s3) =>
      s3.send(new PutObjectAclCommand({ Bucket, Key: target.Key, ACL: "public-read" })),
    ),
    ...elsewhere(scene),
    one("overwrite under S3's own key", (s3) =>
      s3.send(
        new PutObjectCommand({ Bucket, Key: target.Key, Body: "plain", ServerSideEncryption: "AES256" }),
      ),
    ),
    one("overwrite by a copy under S3's own key", (s3) =>
      s3.send(
        new CopyObjectCommand({
          Bucket,
          Key: target.Key,
          CopySource: `${bucket}/${target.Key}`,
          ServerSideEncryption: "AES256",
        }),
      ),
    ),
    one("overwrite in parts under S3's own key", (s3) =>
      s3.send(
        new CreateMultipartUploadCommand({ Bucket, Key: `${prefix}parts`, ServerSideEncryption: "AES256" }),
      ),
    ),
  ];
}

/** Beyond its own repository: the copy of the other region's, and the other region's vault. */
function elsewhere(scene: Scene): Attempt[] {
  const [home, recovery] = [vaultOf(scene, "home"), vaultOf(scene, "recovery")];
  const away = () => asNode(scene, "home", "recovery");
  const put = (Bucket: string, Key: string) => new PutObjectCommand({ Bucket, Key, Body: "forged" });
  return [
    {
      what: "write into the copy of the other region's repository",
      send: (s3) => s3.send(put(home.bucket, `${recovery.prefix}backup/forged`)),
    },
    {
      what: "hide something in the copy of the other region's repository",
      send: (s3) =>
        s3.send(new DeleteObjectCommand({ Bucket: home.bucket, Key: `${recovery.prefix}backup/forged` })),
    },
    ...[recovery.prefix, home.prefix].flatMap((prefix): Attempt[] => [
      {
        what: `write below ${prefix} of the other region's vault`,
        send: () => away().send(put(recovery.bucket, `${prefix}backup/forged`)),
      },
      {
        what: `hide something below ${prefix} of the other region's vault`,
        send: () =>
          away().send(new DeleteObjectCommand({ Bucket: recovery.bucket, Key: `${prefix}backup/forged` })),
      },
    ]),
  ];
}

/** With every right of the account: only the lock is in the way. */
export const byRoot = (scene: Scene, target: ObjectVersion): Attempt[] =>
  atVersion(vaultOf(scene, "home").bucket, target);

/**
 * By a node, outside its repository, so that it leaves nothing in it: S3 refuses a foreign key by the bucket's policy,
 * a key in the request by the bucket's blocked encryption types, a lock in the request from a role without
 * s3:PutObjectRetention.
 */
export function notEnforced(scene: Scene): Attempt[] {
  const { bucket } = vaultOf(scene, "home");
  const put = (what: string, more: Partial<ConstructorParameters<typeof PutObjectCommand>[0]>): Attempt => ({
    what,
    send: (s3) =>
      s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: `${DIVERGED_PREFIX}/attempt`, Body: "forged", ...more }),
      ),
  });
  return [
    put("write under another key", { ServerSideEncryption: "aws:kms", SSEKMSKeyId: OTHER_KEY }),
    put("write under a key of one's own", {
      SSECustomerAlgorithm: "AES256",
      SSECustomerKey: Buffer.alloc(32, 1).toString("base64"),
    }),
    put("write with a lock of a minute", {
      ObjectLockMode: "GOVERNANCE",
      ObjectLockRetainUntilDate: inMillis(SOON_MILLIS),
    }),
  ];
}

export const suspendVersioning = (s3: S3Client, bucket: string): Promise<unknown> =>
  s3.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Suspended" } }),
  );
