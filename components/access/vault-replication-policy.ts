/** What a vault's replication role may do. No Pulumi here. */

import type { RegionContract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import { everythingIn, policyDocument, type Statement } from "./policy-document.js";

type Vault = Pick<RegionContract, "region" | "vaultBucket">;
type CopyTo = NonNullable<SharedSettings["backup"]["copyTo"]>;

/**
 * Read versions here, write replicas there, each under its own key.
 * @param copyTo another account's bucket and key, which must admit the role as well.
 */
export const replicationPolicy = (
  from: Vault,
  to: Vault & { readonly key: string },
  fromKey: string,
  copyTo?: CopyTo,
): string =>
  policyDocument([
    {
      Sid: "ReadReplicationSettings",
      Effect: "Allow",
      Action: ["s3:GetReplicationConfiguration", "s3:ListBucket"],
      Resource: `arn:aws:s3:::${from.vaultBucket}`,
    },
    {
      Sid: "ReadVersions",
      Effect: "Allow",
      Action: [
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
        // The lock travels with the object.
        "s3:GetObjectRetention",
        "s3:GetObjectLegalHold",
      ],
      Resource: `arn:aws:s3:::${from.vaultBucket}/*`,
    },
    {
      Sid: "WriteReplicas",
      Effect: "Allow",
      // No s3:ReplicateDelete: delete markers stay where they were made.
      Action: ["s3:ReplicateObject", "s3:ReplicateTags"],
      Resource: `arn:aws:s3:::${to.vaultBucket}/*`,
    },
    {
      Sid: "DecryptSource",
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: fromKey,
      Condition: throughS3(from.region, everythingIn(from.vaultBucket)),
    },
    {
      Sid: "EncryptReplicas",
      Effect: "Allow",
      Action: ["kms:Encrypt", "kms:GenerateDataKey"],
      Resource: to.key,
      Condition: throughS3(to.region, everythingIn(to.vaultBucket)),
    },
    ...(copyTo ? writeCopies(copyTo) : []),
  ]);

const writeCopies = ({ bucketArn, keyArn }: CopyTo): Statement[] => [
  {
    Sid: "WriteCopies",
    Effect: "Allow",
    Action: ["s3:ObjectOwnerOverrideToBucketOwner", "s3:ReplicateObject", "s3:ReplicateTags"],
    Resource: `${bucketArn}/*`,
  },
  {
    Sid: "EncryptCopies",
    Effect: "Allow",
    Action: ["kms:Encrypt", "kms:GenerateDataKey"],
    Resource: keyArn,
    Condition: throughS3(keyArn.split(":")[3] as string, [bucketArn, `${bucketArn}/*`]),
  },
];

/** The encryption context is the bucket with bucket keys, the object without. */
const throughS3 = (region: string, contexts: readonly string[]) => ({
  StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` },
  StringLike: { "kms:EncryptionContext:aws:s3:arn": contexts },
});
