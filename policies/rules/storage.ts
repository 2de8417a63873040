/** Buckets: nobody outside reads them, nothing in them is lost, and nobody can delete a backup. */

import type * as s3 from "@pulumi/aws/s3/index.js";
import type { PolicyResource } from "@pulumi/policy";
import type { Problem } from "../../common/errors.js";
import { conditionValues, isEverybody, statementsOf } from "../documents.js";
import { argsOf, check, known, linked, rule, stackRule } from "../rule.js";
import { securityHub } from "../standards.js";

const BUCKET = "aws:s3/bucket:Bucket";
const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";
const ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
const PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
const OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls";
const POLICY = "aws:s3/bucketPolicy:BucketPolicy";
const OBJECT_LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration";
const REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig";
const LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";

/** Every bucket has an encryption resource that names a KMS key. */
export const s3EncryptedWithKms = stackRule(
  {
    name: "s3-encrypted-with-kms",
    description: "Every bucket encrypts with a KMS key of ours.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.17"),
  },
  BUCKET,
  function* (bucket, stack) {
    const found = ofBucket<s3.BucketServerSideEncryptionConfigurationArgs>(stack, ENCRYPTION, bucket);
    const remedy =
      "add a BucketServerSideEncryptionConfiguration with sseAlgorithm aws:kms and kmsMasterKeyId";
    if (found.length === 0)
      yield missing(
        "serverSideEncryption",
        "objects fall back to keys that AWS owns, which can't be audited or revoked",
        remedy,
      );
    for (const { rules } of found) {
      for (const { applyServerSideEncryptionByDefault: by } of rules ?? []) {
        if (by?.sseAlgorithm !== "aws:kms" || !by.kmsMasterKeyId) {
          yield {
            key: "serverSideEncryption",
            value: by && { sseAlgorithm: by.sseAlgorithm, kmsMasterKeyId: by.kmsMasterKeyId },
            reason: "objects must be encrypted with a KMS key of ours, which can be audited and revoked",
            remedy: "set sseAlgorithm aws:kms and kmsMasterKeyId",
          };
        }
      }
    }
  },
);

/** Every bucket refuses requests without TLS. */
export const s3TlsOnly = stackRule(
  {
    name: "s3-tls-only",
    description: "Every bucket's policy denies requests without TLS.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("S3.5"),
  },
  BUCKET,
  function* (bucket, stack) {
    const policies = ofBucket<s3.BucketPolicyArgs>(stack, POLICY, bucket);
    const remedy =
      "add a statement that denies s3:* to everybody on the bucket and its objects while aws:SecureTransport is false";
    if (policies.length === 0)
      yield missing("policy", "backups could be read or written in plain text on the wire", remedy);
    for (const { policy } of policies) {
      if (!statementsOf(policy).some(deniesPlainText)) {
        yield {
          key: "policy",
          value: statementsOf(policy).map(({ sid }) => sid),
          reason: "no statement denies all requests without TLS",
          remedy,
        };
      }
    }
  },
);

/** Every bucket blocks public access in all four ways. */
export const s3PublicAccessBlocked = stackRule(
  {
    name: "s3-public-access-blocked",
    description: "Every bucket blocks public access in all four ways.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.8"),
  },
  BUCKET,
  function* (bucket, stack) {
    const found = ofBucket<s3.BucketPublicAccessBlockArgs>(stack, PUBLIC_ACCESS, bucket);
    if (found.length === 0) {
      yield missing(
        "publicAccessBlock",
        "one wrong policy or ACL would publish the bucket",
        "add a BucketPublicAccessBlock with all four settings true",
      );
    }
    for (const block of found) {
      for (const key of [
        "blockPublicAcls",
        "blockPublicPolicy",
        "ignorePublicAcls",
        "restrictPublicBuckets",
      ] as const) {
        if (known(() => block[key] === true) === false) {
          yield {
            key: `publicAccessBlock.${key}`,
            value: block[key],
            reason: "leaves one way to publish the bucket open",
            remedy: `set ${key} to true`,
          };
        }
      }
    }
  },
);

/** Every bucket keeps old versions. */
export const s3Versioned = stackRule(
  {
    name: "s3-versioned",
    description: "Every bucket keeps old versions of its objects.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.14"),
  },
  BUCKET,
  function* (bucket, stack) {
    const found = ofBucket<s3.BucketVersioningArgs>(stack, VERSIONING, bucket);
    const remedy = "add a BucketVersioning with status Enabled";
    if (found.length === 0)
      yield missing(
        "versioning",
        "an overwrite or a delete would be final, and replication needs versions",
        remedy,
      );
    for (const { versioningConfiguration: versioning } of found) {
      if (versioning?.status !== "Enabled") {
        yield {
          key: "versioning.status",
          value: versioning?.status,
          reason: "an overwrite or a delete would be final, and replication needs versions",
          remedy: "set status to Enabled",
        };
      }
    }
  },
);

/** Every bucket has its ACLs switched off. */
export const s3OwnerEnforced = stackRule(
  {
    name: "s3-owner-enforced",
    description: "Every bucket has ACLs switched off, so that its policy alone decides.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("S3.12"),
  },
  BUCKET,
  function* (bucket, stack) {
    const found = ofBucket<s3.BucketOwnershipControlsArgs>(stack, OWNERSHIP, bucket);
    const remedy = "add BucketOwnershipControls with objectOwnership BucketOwnerEnforced";
    if (found.length === 0)
      yield missing("ownership", "ACLs could grant what the bucket's policy doesn't show", remedy);
    for (const { rule: ownership } of found) {
      if (ownership?.objectOwnership !== "BucketOwnerEnforced") {
        yield {
          key: "ownership.objectOwnership",
          value: ownership?.objectOwnership,
          reason: "ACLs could grant what the bucket's policy doesn't show",
          remedy: "set objectOwnership to BucketOwnerEnforced",
        };
      }
    }
  },
);

/** Vault and audit buckets hold their objects under COMPLIANCE, which nobody can shorten, not even root. */
export const s3ObjectLockCompliance = stackRule(
  {
    name: "s3-object-lock-compliance",
    description: "Vault and audit buckets lock every object in COMPLIANCE mode for at least a day.",
    level: "mandatory",
    severity: "critical",
    reference: securityHub("S3.15"),
  },
  BUCKET,
  function* (bucket, stack) {
    if (!isImmutable(bucket)) return;
    const found = ofBucket<s3.BucketObjectLockConfigurationArgs>(stack, OBJECT_LOCK, bucket);
    if (known(() => argsOf<s3.BucketArgs>(bucket).objectLockEnabled === true) === false) {
      yield {
        key: "objectLockEnabled",
        value: argsOf<s3.BucketArgs>(bucket).objectLockEnabled,
        reason: "Object Lock is part of the bucket's creation",
        remedy: "set objectLockEnabled to true on the bucket",
      };
    }
    if (found.length === 0)
      yield missing(
        "objectLock",
        "whoever takes over an administrator could delete the backups or the audit trail",
        "add a BucketObjectLockConfiguration with mode COMPLIANCE and days",
      );
    for (const { rule: lock } of found) {
      const retention = lock?.defaultRetention;
      if (retention?.mode !== "COMPLIANCE") {
        yield {
          key: "objectLock.mode",
          value: retention?.mode,
          reason: "any other mode can be bypassed by an administrator",
          remedy: "set mode to COMPLIANCE",
        };
      }
      if ((retention?.days ?? 0) < 1 && (retention?.years ?? 0) < 1) {
        yield {
          key: "objectLock.days",
          value: retention?.days,
          reason: "objects would be deletable at once",
          remedy: "set days to at least 1",
        };
      }
    }
  },
);

/** A vault is copied to another region, encrypted there too, and a malicious delete is not copied. */
export const s3VaultReplicated = stackRule(
  {
    name: "s3-vault-replicated",
    description: "Every vault has a replication rule, so that losing a region loses no backup.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.7"),
  },
  BUCKET,
  function* (bucket, stack) {
    if (!/-vault-/.test(nameOf(bucket))) return;
    if (ofBucket<s3.BucketReplicationConfigArgs>(stack, REPLICATION, bucket).length === 0) {
      yield missing(
        "replication",
        "losing this region would lose its backups",
        "add a BucketReplicationConfig to the other region's vault",
      );
    }
  },
);

/** What replication must be like wherever there is one. */
export const s3ReplicationSafe = rule(
  {
    name: "s3-replication-safe",
    description:
      "Replication encrypts with the destination's key, copies no delete markers and reports its lag.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.7"),
  },
  {
    [REPLICATION]: check<s3.BucketReplicationConfigArgs>(function* ({ props }) {
      for (const [i, r] of (props.rules ?? []).entries()) {
        const at = `rules.${i}`;
        if (r.status !== "Enabled") {
          yield {
            key: `${at}.status`,
            value: r.status,
            reason: "nothing is copied",
            remedy: "set status to Enabled",
          };
        }
        if (known(() => r.deleteMarkerReplication?.status !== "Disabled")) {
          yield {
            key: `${at}.deleteMarkerReplication.status`,
            value: r.deleteMarkerReplication?.status,
            reason: "an attacker's delete would hide the copy too",
            remedy: "set status to Disabled",
          };
        }
        if (known(() => r.sourceSelectionCriteria?.sseKmsEncryptedObjects?.status !== "Enabled")) {
          yield {
            key: `${at}.sourceSelectionCriteria.sseKmsEncryptedObjects.status`,
            value: r.sourceSelectionCriteria?.sseKmsEncryptedObjects?.status,
            reason: "S3 skips KMS-encrypted objects without it, and all of ours are",
            remedy: "set status to Enabled",
          };
        }
        if (known(() => !r.destination.encryptionConfiguration?.replicaKmsKeyId)) {
          yield {
            key: `${at}.destination.encryptionConfiguration.replicaKmsKeyId`,
            value: undefined,
            reason: "the copy needs a key that works while the source's region is gone",
            remedy: "name the key in the destination's region",
          };
        }
        if (known(() => r.destination.metrics?.status !== "Enabled")) {
          yield {
            key: `${at}.destination.metrics.status`,
            value: r.destination.metrics?.status,
            reason: "replication could fall behind unseen",
            remedy: "set status to Enabled, with replicationTime",
          };
        }
      }
    }),
  },
);

/** Buckets that grow for ever cost for ever. */
export const s3Lifecycle = stackRule(
  {
    name: "s3-lifecycle",
    description: "Every bucket expires what is no longer needed.",
    level: "advisory",
    severity: "low",
    reference: securityHub("S3.13"),
  },
  BUCKET,
  function* (bucket, stack) {
    if (ofBucket<s3.BucketLifecycleConfigurationArgs>(stack, LIFECYCLE, bucket).length === 0) {
      yield missing(
        "lifecycle",
        "old versions and broken uploads are paid for until somebody notices",
        "add a BucketLifecycleConfiguration",
      );
    }
  },
);

function deniesPlainText(statement: ReturnType<typeof statementsOf>[number]): boolean {
  return (
    !statement.allows &&
    !statement.inverted &&
    isEverybody(statement) &&
    statement.actions.some((action) => action === "s3:*" || action === "*") &&
    conditionValues(statement, "aws:SecureTransport").includes("false") &&
    (statement.resources.includes("*") ||
      (statement.resources.some((r) => r.endsWith("/*")) &&
        statement.resources.some((r) => !r.endsWith("/*"))))
  );
}

/** The arguments of the resources of one type that configure this bucket. */
function ofBucket<Args>(stack: readonly PolicyResource[], type: string, bucket: PolicyResource) {
  const names = [known(() => bucket.props.bucket), known(() => bucket.props.id)].filter(Boolean);
  return linked(stack, type, "bucket", bucket, names).map((resource) => argsOf<Args>(resource));
}

/** The contract names vaults `…-vault-…` and the audit bucket `…-audit-…`. */
const isImmutable = (bucket: PolicyResource): boolean => /-(vault|audit)-/.test(nameOf(bucket));

const nameOf = (bucket: PolicyResource): string => known(() => bucket.props.bucket as string) ?? bucket.name;

const missing = (key: string, reason: string, remedy: string): Problem => ({
  key,
  value: undefined,
  reason,
  remedy,
});
