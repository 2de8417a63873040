/** Buckets: no outsider reads them, nothing in them is lost, and no user can delete a backup. */

import type * as s3 from "@pulumi/aws/s3/index.js";
import type { PolicyResource } from "@pulumi/policy";
import type { Unwrap } from "@pulumi/pulumi";
import type { Problem } from "../../common/errors.js";
import { conditionValues, isEverybody, statementsOf } from "../documents.js";
import { argsOf, check, known, linked, type Rule, type RuleText, rule, stackRule } from "../rule.js";
import { guidance, securityHub } from "../standards.js";

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
export const s3EncryptedWithKms = bucketRule<s3.BucketServerSideEncryptionConfigurationArgs>(
  {
    name: "s3-encrypted-with-kms",
    description: "Every bucket encrypts with a KMS key of ours.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.17"),
  },
  {
    type: ENCRYPTION,
    absent: {
      key: "serverSideEncryption",
      reason: "objects fall back to keys that AWS owns, which can't be audited or revoked",
      remedy: "add a BucketServerSideEncryptionConfiguration with sseAlgorithm aws:kms and kmsMasterKeyId",
    },
    demands: ({ rules = [] }) =>
      rules.map(({ applyServerSideEncryptionByDefault: by }) => ({
        key: "serverSideEncryption",
        value: () => by && { sseAlgorithm: by.sseAlgorithm, kmsMasterKeyId: by.kmsMasterKeyId },
        holds: () => by?.sseAlgorithm === "aws:kms" && Boolean(by.kmsMasterKeyId),
        reason: "objects must be encrypted with a KMS key of ours, which can be audited and revoked",
        remedy: "set sseAlgorithm aws:kms and kmsMasterKeyId",
      })),
  },
);

const DENY_PLAIN_TEXT =
  "add a statement that denies s3:* to everybody on the bucket and its objects while aws:SecureTransport is false";

/** Every bucket refuses requests without TLS. */
export const s3TlsOnly = bucketRule<s3.BucketPolicyArgs>(
  {
    name: "s3-tls-only",
    description: "Every bucket's policy denies requests without TLS.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("S3.5"),
  },
  {
    type: POLICY,
    absent: {
      key: "policy",
      reason: "backups could be read or written in plain text on the wire",
      remedy: DENY_PLAIN_TEXT,
    },
    demands: ({ policy }) => [
      {
        key: "policy",
        value: () => statementsOf(policy).map(({ sid }) => sid),
        holds: () => statementsOf(policy).some(deniesPlainText),
        reason: "no statement denies all requests without TLS",
        remedy: DENY_PLAIN_TEXT,
      },
    ],
  },
);

/** Every bucket blocks public access in all four ways. */
export const s3PublicAccessBlocked = bucketRule<s3.BucketPublicAccessBlockArgs>(
  {
    name: "s3-public-access-blocked",
    description: "Every bucket blocks public access in all four ways.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.8"),
  },
  {
    type: PUBLIC_ACCESS,
    absent: {
      key: "publicAccessBlock",
      reason: "one wrong policy or ACL would publish the bucket",
      remedy: "add a BucketPublicAccessBlock with all four settings true",
    },
    demands: (block) =>
      (["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"] as const).map(
        (key) =>
          mustBe(
            true,
            `publicAccessBlock.${key}`,
            () => block[key],
            "leaves one way to publish the bucket open",
          ),
      ),
  },
);

const NO_VERSIONS = "an overwrite or a delete would be final, and replication needs versions";

/** Every bucket keeps old versions. */
export const s3Versioned = bucketRule<s3.BucketVersioningArgs>(
  {
    name: "s3-versioned",
    description: "Every bucket keeps old versions of its objects.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.14"),
  },
  {
    type: VERSIONING,
    absent: {
      key: "versioning",
      reason: NO_VERSIONS,
      remedy: "add a BucketVersioning with status Enabled",
    },
    demands: ({ versioningConfiguration: versioning }) => [
      mustBe("Enabled", "versioning.status", () => versioning?.status, NO_VERSIONS),
    ],
  },
);

const HIDDEN_GRANTS = "ACLs could grant what the bucket's policy doesn't show";

/** Every bucket has its ACLs switched off. */
export const s3OwnerEnforced = bucketRule<s3.BucketOwnershipControlsArgs>(
  {
    name: "s3-owner-enforced",
    description: "Every bucket has ACLs switched off, so that its policy alone decides.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("S3.12"),
  },
  {
    type: OWNERSHIP,
    absent: {
      key: "ownership",
      reason: HIDDEN_GRANTS,
      remedy: "add BucketOwnershipControls with objectOwnership BucketOwnerEnforced",
    },
    demands: ({ rule: ownership }) => [
      mustBe(
        "BucketOwnerEnforced",
        "ownership.objectOwnership",
        () => ownership?.objectOwnership,
        HIDDEN_GRANTS,
      ),
    ],
  },
);

/** Vaults, audit buckets and their copies hold their objects under COMPLIANCE, which no user can shorten, not even root. */
export const s3ObjectLockCompliance = bucketRule<s3.BucketObjectLockConfigurationArgs>(
  {
    name: "s3-object-lock-compliance",
    description:
      "Vaults, audit buckets and their copies lock every object in COMPLIANCE mode for at least a day.",
    level: "mandatory",
    severity: "critical",
    reference: securityHub("S3.15"),
  },
  {
    only: isImmutable,
    type: OBJECT_LOCK,
    own: (bucket) => [
      mustBe(
        true,
        "objectLockEnabled",
        () => bucket.objectLockEnabled,
        "Object Lock is part of the bucket's creation",
        "set objectLockEnabled to true on the bucket",
      ),
    ],
    absent: {
      key: "objectLock",
      reason: "an attacker with administrator rights could delete the backups or the audit trail",
      remedy: "add a BucketObjectLockConfiguration with mode COMPLIANCE and days",
    },
    demands: ({ rule: lock }) => [
      mustBe(
        "COMPLIANCE",
        "objectLock.mode",
        () => lock?.defaultRetention?.mode,
        "any other mode can be bypassed by an administrator",
      ),
      {
        key: "objectLock.days",
        value: () => lock?.defaultRetention?.days,
        holds: () => {
          const { days = 0, years = 0 } = lock?.defaultRetention ?? {};
          return days >= 1 || years >= 1;
        },
        reason: "objects would be deletable at once",
        remedy: "set days to at least 1",
      },
    ],
  },
);

/** A vault is copied to another region. What the copy must be like is `s3-replication-safe`. */
export const s3VaultReplicated = bucketRule(
  {
    name: "s3-vault-replicated",
    description: "Every vault has a replication rule, so that losing a region loses no backup.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("S3.7"),
  },
  {
    only: (bucket) => /-vault-/.test(nameOf(bucket)),
    type: REPLICATION,
    absent: {
      key: "replication",
      reason: "losing this region would lose its backups",
      remedy: "add a BucketReplicationConfig to the other region's vault",
    },
  },
);

/** Advisory: an account without a second one can't follow it, and a trial need not. */
export const s3VaultCopiedElsewhere = bucketRule<s3.BucketReplicationConfigArgs>(
  {
    name: "s3-vault-copied-elsewhere",
    description:
      "Every vault also replicates into another account, which an administrator of this one can't reach.",
    level: "advisory",
    severity: "high",
    reference: guidance(
      "S3: replication to another account",
      "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-walkthrough-2.html",
    ),
  },
  {
    only: (bucket) => /-vault-/.test(nameOf(bucket)),
    type: REPLICATION,
    absent: {
      key: "replication",
      reason: "an administrator of this account can make all backups unreadable",
      remedy: "add a BucketReplicationConfig with a destination in another account",
    },
    demands: ({ rules = [] }) => [
      {
        key: "replication.destinations",
        value: () => rules.map(({ destination }) => destination.bucket),
        holds: () => rules.some(({ destination }) => Boolean(destination.account)),
        reason: "an administrator of this account can make all backups unreadable: the keys are here alone",
        remedy: "deploy stack copy in a second account and set backup.copyTo",
      },
    ],
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
        yield* unmet([
          mustBe("Enabled", `${at}.status`, () => r.status, "nothing is copied"),
          mustBe(
            "Disabled",
            `${at}.deleteMarkerReplication.status`,
            () => r.deleteMarkerReplication?.status,
            "an attacker's delete would hide the copy too",
          ),
          mustBe(
            "Enabled",
            `${at}.sourceSelectionCriteria.sseKmsEncryptedObjects.status`,
            () => r.sourceSelectionCriteria?.sseKmsEncryptedObjects?.status,
            "S3 skips KMS-encrypted objects without it, and all of ours are",
          ),
          {
            key: `${at}.destination.encryptionConfiguration.replicaKmsKeyId`,
            value: () => r.destination.encryptionConfiguration?.replicaKmsKeyId,
            holds: () => Boolean(r.destination.encryptionConfiguration?.replicaKmsKeyId),
            reason: "the copy needs a key that works while the source's region is gone",
            remedy: "name the key in the destination's region",
          },
          mustBe(
            "Enabled",
            `${at}.destination.metrics.status`,
            () => r.destination.metrics?.status,
            "replication could fall behind unseen",
            "set status to Enabled, with replicationTime",
          ),
        ]);
      }
    }),
  },
);

/** Buckets that grow for ever cost for ever. */
export const s3Lifecycle = bucketRule(
  {
    name: "s3-lifecycle",
    description: "Every bucket expires what is no longer needed.",
    level: "advisory",
    severity: "low",
    reference: securityHub("S3.13"),
  },
  {
    type: LIFECYCLE,
    absent: {
      key: "lifecycle",
      reason: "old versions and incomplete uploads would be billed indefinitely",
      remedy: "add a BucketLifecycleConfiguration",
    },
  },
);

/** A value that must be as it should. Its functions may read what preview doesn't know yet. */
interface Demand {
  readonly key: string;
  readonly value: () => unknown;
  readonly holds: () => boolean;
  readonly reason: string;
  readonly remedy: string;
}

/** A demand for one value. Default remedy: to set the last part of `key` to it. */
function mustBe(
  wanted: string | boolean,
  key: string,
  value: () => unknown,
  reason: string,
  remedy = `set ${key.split(".").at(-1)} to ${wanted}`,
): Demand {
  return { key, value, holds: () => value() === wanted, reason, remedy };
}

/** What is wrong. A value that preview doesn't know yet is no finding, and hides no other. */
function* unmet(demands: readonly Demand[]): Iterable<Problem> {
  for (const { key, value, holds, reason, remedy } of demands)
    if (known(holds) === false) yield { key, value: known(value), reason, remedy };
}

/**
 * A rule that every bucket has a resource of one type that configures it, and that this resource says what it must.
 * A function declaration, because the rules above use it.
 */
function bucketRule<Args>(
  text: RuleText,
  {
    only = () => true,
    type,
    own = () => [],
    absent,
    demands = () => [],
  }: {
    /** Which buckets the rule is for; default all. */
    readonly only?: (bucket: PolicyResource) => boolean;
    /** Type of the resource that configures the bucket. */
    readonly type: string;
    /** What the bucket itself must say. */
    readonly own?: (bucket: Partial<Unwrap<s3.BucketArgs>>) => readonly Demand[];
    /** What is wrong when the bucket has no such resource. */
    readonly absent: Omit<Problem, "value">;
    /** What each such resource must say. */
    readonly demands?: (args: Partial<Unwrap<Args>>) => readonly Demand[];
  },
): Rule {
  return stackRule(text, BUCKET, function* (bucket, stack) {
    if (!only(bucket)) return;
    yield* unmet(own(argsOf<s3.BucketArgs>(bucket)));
    const found = ofBucket<Args>(stack, type, bucket);
    if (found.length === 0) yield { ...absent, value: undefined };
    for (const args of found) yield* unmet(demands(args));
  });
}

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

/** The contract names vaults `…-vault-…`, the audit bucket `…-audit-…` and what another account keeps `…-copy-…`. */
function isImmutable(bucket: PolicyResource): boolean {
  return /-(vault|audit|copy)-/.test(nameOf(bucket));
}

function nameOf(bucket: PolicyResource): string {
  return known(() => bucket.props.bucket as string) ?? bucket.name;
}
