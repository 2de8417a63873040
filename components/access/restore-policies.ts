/** What the restore machine of a region may do, and who may call it. No Pulumi here. */

import {
  type Contract,
  otherRegion,
  REPOSITORY_FOLDERS,
  type RegionContract,
} from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import {
  type NodeKeys,
  operated,
  otherVault,
  readOwnVault,
  readParameters,
  readSecrets,
  useOwnVaultKey,
} from "./node-policies.js";
import type { Statement } from "./policy-document.js";

/**
 * It reads both vaults and writes reports. It can't add to a repository, hide anything in one, read the passwords of
 * the databases or connect to a running node: it restores a copy that serves no client.
 */
export function restoreNodeStatements(contract: Contract, id: RegionId, keys: NodeKeys): Statement[] {
  const own = contract[id];
  return [
    ...readSecrets(
      contract,
      own,
      [contract.secrets.backupCipher, contract.certificateSecret(own.restoreNode)],
      keys.data,
    ),
    readParameters(contract, own, [contract.authorityParameter, contract.escrowParameter]),
    ...ownVaultWithReports(own, keys.ownBackups),
    ...otherVault(contract[otherRegion(id)], keys.otherBackups),
    setOwnGroup(contract, own, "EndItself"),
    ...operated(contract, own, "restore"),
  ];
}

/** EventBridge Scheduler, when a test is due. */
export const restoreScheduleStatements = (contract: Contract, id: RegionId): Statement[] => [
  setOwnGroup(contract, contract[id], "CallTheMachine"),
];

function ownVaultWithReports(
  { region, vaultBucket, repositoryPath }: RegionContract,
  key: string,
): Statement[] {
  const bucket = `arn:aws:s3:::${vaultBucket}`;
  return [
    {
      Sid: "ListOwnVault",
      Effect: "Allow",
      Action: [
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketVersioning",
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "s3:ListBucketVersions",
      ],
      Resource: bucket,
    },
    readOwnVault(bucket),
    {
      // Put, and nothing else: a report is there for good.
      Sid: "WriteReports",
      Effect: "Allow",
      Action: "s3:PutObject",
      Resource: `${bucket}${repositoryPath}/${REPOSITORY_FOLDERS.restoreTests}/*`,
    },
    useOwnVaultKey(region, key),
  ];
}

const setOwnGroup = (
  { accountId }: Contract,
  { region, restoreNode }: RegionContract,
  Sid: string,
): Statement => ({
  Sid,
  Effect: "Allow",
  Action: "autoscaling:SetDesiredCapacity",
  // A group's ARN has an id before its name that AWS assigns.
  Resource: `arn:aws:autoscaling:${region}:${accountId}:autoScalingGroup:*:autoScalingGroupName/${restoreNode}`,
});
