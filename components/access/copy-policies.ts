/** What the first account may do with the buckets, key and event bus that another account keeps for it. No Pulumi here. */

import type { Contract, CopyContract } from "../../settings/contract.js";
import { storageKeyPolicy } from "./key-policies.js";
import { accountPrincipal, everythingIn, policyDocument, type Statement } from "./policy-document.js";
import { ENCRYPT_REPLICAS, REPLICATE, throughS3 } from "./vault-replication-policy.js";

/** Names of the first account's roles by which S3 fills one bucket. */
export type Replicators = readonly string[];

export const vaultReplicators = ({ home, recovery }: Contract): Replicators => [
  home.vaultReplicationRole,
  recovery.vaultReplicationRole,
];
export const auditReplicators = ({ auditReplicationRole }: Contract): Replicators => [auditReplicationRole];

/**
 * A policy can't name a role that doesn't exist, and this stack may be the first to be deployed: the account is the principal,
 * and a condition names the roles. It holds for the role of that name, whatever its trust: an administrator there can become
 * it, and then write new versions. The denials leave that and nothing else, also should a later statement allow more.
 */
export const copyStatements = (
  { accountId }: Pick<Contract, "accountId">,
  copy: CopyContract,
  bucket: string,
  replicators: Replicators,
): Statement[] => [
  {
    Sid: "RolesReplicate",
    Effect: "Allow",
    Principal: accountPrincipal(accountId),
    Action: REPLICATE,
    Resource: `arn:aws:s3:::${bucket}/*`,
    Condition: { ArnEquals: { "aws:PrincipalArn": roleArns(accountId, replicators) } },
  },
  {
    Sid: "NoOtherIdentityFromOutside",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: everythingIn(bucket),
    Condition: {
      StringNotEquals: { "aws:PrincipalAccount": copy.accountId },
      ArnNotEquals: { "aws:PrincipalArn": roleArns(accountId, replicators) },
    },
  },
  {
    Sid: "RolesNeverReadOrDelete",
    Effect: "Deny",
    Principal: "*",
    Action: [
      "s3:BypassGovernanceRetention",
      "s3:Delete*",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:Put*",
      "s3:ReplicateDelete",
    ],
    Resource: everythingIn(bucket),
    Condition: { StringNotEquals: { "aws:PrincipalAccount": copy.accountId } },
  },
];

/** Both buckets' key. Without `kms:Decrypt` for the first account: it can write there and read nothing. */
export const copyKeyPolicy = (contract: Contract, copy: CopyContract): string => {
  const roles = [...vaultReplicators(contract), ...auditReplicators(contract)];
  return storageKeyPolicy(copy, [
    {
      Sid: "RolesEncryptReplicas",
      Effect: "Allow",
      Principal: accountPrincipal(contract.accountId),
      Action: ENCRYPT_REPLICAS,
      Resource: "*",
      Condition: {
        ...throughS3(copy.region, [copy.vaultBucket, copy.auditBucket]),
        ArnEquals: { "aws:PrincipalArn": roleArns(contract.accountId, roles) },
      },
    },
  ]);
};

/** The first account may put events. It can't see, change or delete what becomes of them. */
export const watchBusPolicy = ({ accountId }: Pick<Contract, "accountId">, copy: CopyContract): string =>
  policyDocument([
    {
      Sid: "TheProtectedAccountReports",
      Effect: "Allow",
      Principal: accountPrincipal(accountId),
      Action: "events:PutEvents",
      Resource: copy.watchBusArn,
    },
  ]);

const roleArns = (accountId: string, roles: Replicators): string[] =>
  roles.map((role) => `arn:aws:iam::${accountId}:role/${role}`);
