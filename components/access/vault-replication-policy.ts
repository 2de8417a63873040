/** What the roles may do by which S3 copies vaults and the audit trail. No Pulumi here. */

import type { CopyContract, RegionContract } from "../../settings/contract.js";
import { everythingIn, policyDocument, type Statement } from "./policy-document.js";

type Vault = Pick<RegionContract, "region" | "vaultBucket">;

/** A bucket whose versions S3 reads, and its key. */
interface Source {
  readonly region: string;
  readonly bucket: string;
  readonly key: string;
  /** Whether the key is this bucket's alone. */
  readonly ownKey?: boolean;
}

/**
 * Write, never delete: with no `s3:ReplicateDelete` delete markers stay where they were made. The second account's
 * buckets admit these actions and no other.
 */
export const REPLICATE = ["s3:ObjectOwnerOverrideToBucketOwner", "s3:ReplicateObject", "s3:ReplicateTags"];

/** What encrypting a replica takes. */
export const ENCRYPT_REPLICAS = ["kms:Encrypt", "kms:GenerateDataKey"];

/**
 * Read versions here, write replicas there, each under its own key.
 * @param copy another account's buckets, which must admit the role as well.
 */
export const replicationPolicy = (
  from: Vault,
  to: Vault & { readonly key: string },
  fromKey: string,
  copy?: CopyContract,
): string =>
  policyDocument([
    ...readVersions({ region: from.region, bucket: from.vaultBucket, key: fromKey }),
    {
      Sid: "WriteReplicas",
      Effect: "Allow",
      Action: ["s3:ReplicateObject", "s3:ReplicateTags"],
      Resource: `arn:aws:s3:::${to.vaultBucket}/*`,
    },
    {
      Sid: "EncryptReplicas",
      Effect: "Allow",
      Action: ENCRYPT_REPLICAS,
      Resource: to.key,
      Condition: throughS3(to.region, [to.vaultBucket]),
    },
    ...(copy ? writeCopies(copy, copy.vaultBucket) : []),
  ]);

/** From the audit trail's bucket to the other account only. */
export const auditReplicationPolicy = (from: Source, copy: CopyContract): string =>
  policyDocument([...readVersions(from), ...writeCopies(copy, copy.auditBucket)]);

const readVersions = ({ region, bucket, key, ownKey = false }: Source): Statement[] => [
  {
    Sid: "ReadReplicationSettings",
    Effect: "Allow",
    Action: ["s3:GetReplicationConfiguration", "s3:ListBucket"],
    Resource: `arn:aws:s3:::${bucket}`,
  },
  {
    Sid: "ReadVersions",
    Effect: "Allow",
    Action: READ_VERSIONS,
    Resource: `arn:aws:s3:::${bucket}/*`,
  },
  {
    Sid: "DecryptSource",
    Effect: "Allow",
    Action: "kms:Decrypt",
    Resource: key,
    // CloudTrail adds to the encryption context of its files; their key needs no telling which bucket is meant.
    Condition: ownKey ? viaS3(region) : throughS3(region, [bucket]),
  },
];

const READ_VERSIONS = [
  "s3:GetObjectVersionForReplication",
  "s3:GetObjectVersionAcl",
  "s3:GetObjectVersionTagging",
  // The lock travels with the object.
  "s3:GetObjectRetention",
  "s3:GetObjectLegalHold",
];

/** IAM knows keys by their ids only, and this one's is the other account's to choose: the bucket says which is meant. */
const writeCopies = ({ accountId, region }: CopyContract, bucket: string): Statement[] => [
  {
    Sid: "WriteCopies",
    Effect: "Allow",
    Action: REPLICATE,
    Resource: `arn:aws:s3:::${bucket}/*`,
  },
  {
    Sid: "EncryptCopies",
    Effect: "Allow",
    Action: ENCRYPT_REPLICAS,
    Resource: `arn:aws:kms:${region}:${accountId}:key/*`,
    Condition: throughS3(region, [bucket]),
  },
];

/** The encryption context is the bucket with bucket keys, the object without. */
export const throughS3 = (region: string, buckets: readonly string[]) => ({
  ...viaS3(region),
  StringLike: { "kms:EncryptionContext:aws:s3:arn": buckets.flatMap(everythingIn) },
});

const viaS3 = (region: string) => ({ StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` } });
