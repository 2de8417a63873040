import { expect, test } from "vitest";
import * as storage from "../../policies/rules/buckets.js";
import { describeRule, type Sample, violationsOf } from "../support/policy.js";

const VAULT = "drs-vault-123456789012-eu-west-1";
const s3 = (type: string, props: Record<string, unknown>): Sample => ({
  type: `aws:s3/${type[0]?.toLowerCase()}${type.slice(1)}:${type}`,
  name: "vault",
  props: { bucket: VAULT, ...props },
});
const bucket = s3("Bucket", { objectLockEnabled: true });

describeRule(storage.s3EncryptedWithKms, {
  good: [
    bucket,
    s3("BucketServerSideEncryptionConfiguration", {
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: "arn:key" } }],
    }),
  ],
  bad: {
    "no encryption resource": {
      of: 1,
      drop: true,
      message:
        "serverSideEncryption = (not set)\n  objects fall back to keys that AWS owns, which can't be audited or revoked\n  → add a BucketServerSideEncryptionConfiguration with sseAlgorithm aws:kms and kmsMasterKeyId",
    },
    AES256: {
      of: 1,
      set: { "rules.0.applyServerSideEncryptionByDefault": { sseAlgorithm: "AES256" } },
      message:
        'serverSideEncryption = {"sseAlgorithm":"AES256"}\n  objects must be encrypted with a KMS key of ours, which can be audited and revoked\n  → set sseAlgorithm aws:kms and kmsMasterKeyId',
    },
    "the account's default key": {
      of: 1,
      set: { "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId": undefined },
      message:
        'serverSideEncryption = {"sseAlgorithm":"aws:kms"}\n  objects must be encrypted with a KMS key of ours, which can be audited and revoked\n  → set sseAlgorithm aws:kms and kmsMasterKeyId',
    },
  },
});

const tlsPolicy = {
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [`arn:aws:s3:::${VAULT}`, `arn:aws:s3:::${VAULT}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
};
const tlsRemedy =
  "\n  no statement denies all requests without TLS\n  → add a statement that denies s3:* to everybody on the bucket and its objects while aws:SecureTransport is false";

describeRule(storage.s3TlsOnly, {
  good: [bucket, s3("BucketPolicy", { policy: tlsPolicy })],
  bad: {
    "no policy": {
      of: 1,
      drop: true,
      message:
        "policy = (not set)\n  backups could be read or written in plain text on the wire\n  → add a statement that denies s3:* to everybody on the bucket and its objects while aws:SecureTransport is false",
    },
    "an allow": {
      of: 1,
      set: { "policy.Statement.0.Effect": "Allow" },
      message: `policy = ["TlsOnly"]${tlsRemedy}`,
    },
    "one principal only": {
      of: 1,
      set: { "policy.Statement.0.Principal": { AWS: "arn:aws:iam::123456789012:root" } },
      message: `policy = ["TlsOnly"]${tlsRemedy}`,
    },
    "the objects left out": {
      of: 1,
      set: { "policy.Statement.0.Resource": [`arn:aws:s3:::${VAULT}`] },
      message: `policy = ["TlsOnly"]${tlsRemedy}`,
    },
    "another condition": {
      of: 1,
      set: { "policy.Statement.0.Condition.Bool": { "aws:SecureTransport": "true" } },
      message: `policy = ["TlsOnly"]${tlsRemedy}`,
    },
  },
});

const fourWays = {
  blockPublicAcls: true,
  blockPublicPolicy: true,
  ignorePublicAcls: true,
  restrictPublicBuckets: true,
};
describeRule(storage.s3PublicAccessBlocked, {
  good: [bucket, s3("BucketPublicAccessBlock", fourWays)],
  bad: {
    "no block": {
      of: 1,
      drop: true,
      message:
        "publicAccessBlock = (not set)\n  one wrong policy or ACL would publish the bucket\n  → add a BucketPublicAccessBlock with all four settings true",
    },
    ...Object.fromEntries(
      Object.keys(fourWays).map((key) => [
        `${key} false`,
        {
          of: 1,
          set: { [key]: false },
          message: `publicAccessBlock.${key} = false\n  leaves one way to publish the bucket open\n  → set ${key} to true`,
        },
      ]),
    ),
    "another bucket's block": {
      of: 1,
      set: { bucket: "drs-other" },
      message:
        "publicAccessBlock = (not set)\n  one wrong policy or ACL would publish the bucket\n  → add a BucketPublicAccessBlock with all four settings true",
    },
  },
});

describeRule(storage.s3Versioned, {
  good: [bucket, s3("BucketVersioning", { versioningConfiguration: { status: "Enabled" } })],
  bad: {
    "no versioning": {
      of: 1,
      drop: true,
      message:
        "versioning = (not set)\n  an overwrite or a delete would be final, and replication needs versions\n  → add a BucketVersioning with status Enabled",
    },
    "suspended versioning": {
      of: 1,
      set: { "versioningConfiguration.status": "Suspended" },
      message:
        'versioning.status = "Suspended"\n  an overwrite or a delete would be final, and replication needs versions\n  → set status to Enabled',
    },
  },
});

describeRule(storage.s3OwnerEnforced, {
  good: [bucket, s3("BucketOwnershipControls", { rule: { objectOwnership: "BucketOwnerEnforced" } })],
  bad: {
    "no ownership controls": {
      of: 1,
      drop: true,
      message:
        "ownership = (not set)\n  ACLs could grant what the bucket's policy doesn't show\n  → add BucketOwnershipControls with objectOwnership BucketOwnerEnforced",
    },
    "ACLs that still work": {
      of: 1,
      set: { "rule.objectOwnership": "ObjectWriter" },
      message:
        "ownership.objectOwnership = \"ObjectWriter\"\n  ACLs could grant what the bucket's policy doesn't show\n  → set objectOwnership to BucketOwnerEnforced",
    },
  },
});

describeRule(storage.s3ObjectLockCompliance, {
  good: [
    bucket,
    s3("BucketObjectLockConfiguration", { rule: { defaultRetention: { mode: "COMPLIANCE", days: 30 } } }),
    { ...s3("Bucket", { bucket: "drs-runbooks-123456789012-eu-west-1" }), name: "runbooks" },
  ],
  bad: {
    "no lock": {
      of: 1,
      drop: true,
      message:
        "objectLock = (not set)\n  an attacker with administrator rights could delete the backups or the audit trail\n  → add a BucketObjectLockConfiguration with mode COMPLIANCE and days",
    },
    "a bucket made without": {
      set: { objectLockEnabled: undefined },
      message:
        "objectLockEnabled = (not set)\n  Object Lock is part of the bucket's creation\n  → set objectLockEnabled to true on the bucket",
    },
    GOVERNANCE: {
      of: 1,
      set: { "rule.defaultRetention.mode": "GOVERNANCE" },
      message:
        'objectLock.mode = "GOVERNANCE"\n  any other mode can be bypassed by an administrator\n  → set mode to COMPLIANCE',
    },
    "zero days": {
      of: 1,
      set: { "rule.defaultRetention.days": 0 },
      message: "objectLock.days = 0\n  objects would be deletable at once\n  → set days to at least 1",
    },
  },
});

const replication = s3("BucketReplicationConfig", {
  rules: [
    {
      id: "all",
      status: "Enabled",
      deleteMarkerReplication: { status: "Disabled" },
      sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: "Enabled" } },
      destination: {
        bucket: "arn:aws:s3:::drs-vault-123456789012-eu-central-1",
        encryptionConfiguration: { replicaKmsKeyId: "arn:key" },
        metrics: { status: "Enabled", eventThreshold: { minutes: 15 } },
      },
    },
  ],
});

describeRule(storage.s3VaultReplicated, {
  good: [bucket, replication, { ...s3("Bucket", { bucket: "drs-audit-1" }), name: "audit" }],
  bad: {
    "a vault without": {
      of: 1,
      drop: true,
      message:
        "replication = (not set)\n  losing this region would lose its backups\n  → add a BucketReplicationConfig to the other region's vault",
    },
  },
});

const vaultRule = replication.props.rules[0];
const copied = s3("BucketReplicationConfig", {
  rules: [
    vaultRule,
    {
      ...vaultRule,
      id: "to-other-account",
      destination: { ...vaultRule.destination, bucket: "arn:aws:s3:::drs-copy-1", account: "210987654321" },
    },
  ],
});

describeRule(storage.s3VaultCopiedElsewhere, {
  good: [bucket, copied, { ...s3("Bucket", { bucket: "drs-audit-1" }), name: "audit" }],
  bad: {
    "a vault without replication": {
      of: 1,
      drop: true,
      message:
        "replication = (not set)\n  an administrator of this account can make all backups unreadable\n  → add a BucketReplicationConfig with a destination in another account",
    },
    "a vault with copies in its own account only": {
      of: 1,
      set: { "rules.1.destination.account": undefined },
      message:
        'replication.destinations = ["arn:aws:s3:::drs-vault-123456789012-eu-central-1","arn:aws:s3:::drs-copy-1"]\n  an administrator of this account can make all backups unreadable: the keys are here alone\n  → deploy stack copy in a second account and set backup.copyTo',
    },
  },
});

describeRule(storage.s3ReplicationSafe, {
  good: [replication],
  bad: {
    "a disabled rule": {
      set: { "rules.0.status": "Disabled" },
      message: 'rules.0.status = "Disabled"\n  nothing is copied\n  → set status to Enabled',
    },
    "copied delete markers": {
      set: { "rules.0.deleteMarkerReplication.status": "Enabled" },
      message:
        'rules.0.deleteMarkerReplication.status = "Enabled"\n  an attacker\'s delete would hide the copy too\n  → set status to Disabled',
    },
    "encrypted objects skipped": {
      set: { "rules.0.sourceSelectionCriteria": undefined },
      message:
        "rules.0.sourceSelectionCriteria.sseKmsEncryptedObjects.status = (not set)\n  S3 skips KMS-encrypted objects without it, and all of ours are\n  → set status to Enabled",
    },
    "no key of the destination": {
      set: { "rules.0.destination.encryptionConfiguration": undefined },
      message:
        "rules.0.destination.encryptionConfiguration.replicaKmsKeyId = (not set)\n  the copy needs a key that works while the source's region is gone\n  → name the key in the destination's region",
    },
    "no metrics": {
      set: { "rules.0.destination.metrics": undefined },
      message:
        "rules.0.destination.metrics.status = (not set)\n  replication could fall behind unseen\n  → set status to Enabled, with replicationTime",
    },
  },
});

describeRule(storage.s3Lifecycle, {
  good: [bucket, s3("BucketLifecycleConfiguration", { rules: [] })],
  bad: {
    "no lifecycle": {
      of: 1,
      drop: true,
      message:
        "lifecycle = (not set)\n  old versions and incomplete uploads would be billed indefinitely\n  → add a BucketLifecycleConfiguration",
    },
  },
});

test("a copy in another account must be locked as its vault is", () => {
  const unlocked = [s3("Bucket", { bucket: "drs-copy-210987654321-eu-west-3" })];
  expect(violationsOf(storage.s3ObjectLockCompliance, unlocked)).toHaveLength(2);
});
