/** What AWS Backup may do with the data volumes of a region, and what deploying it takes. No Pulumi here. */

import { type Contract, otherRegion, type RegionContract } from "../../settings/contract.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Statement } from "./policy-document.js";

export const volumeVaultArn = (
  { accountId }: Pick<Contract, "accountId">,
  { region, volumeVault }: Pick<RegionContract, "region" | "volumeVault">,
): string => `arn:aws:backup:${region}:${accountId}:backup-vault:${volumeVault}`;

/** Name of the rule that tells of failures: the topic's policy and the pipeline's rights name it. */
export const volumeBackupRule = ({ volumeVault }: Pick<RegionContract, "volumeVault">): string =>
  `${volumeVault}-failed`;

export const volumeBackupRuleArn = (
  { accountId }: Pick<Contract, "accountId">,
  own: RegionContract,
): string => `arn:aws:events:${own.region}:${accountId}:rule/${volumeBackupRule(own)}`;

/**
 * Snapshots of volumes, their copies in the other region, and volumes restored from them for a test. AWS's ready
 * policies for it reach into every service that AWS Backup knows.
 * Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForBackup.html
 * @param dataKeyArns the keys of both regions: the own key encrypts the volumes, the other region's key the copies.
 */
export function volumeBackupStatements(
  contract: Contract,
  id: RegionId,
  dataKeyArns: readonly string[],
): Statement[] {
  const own = contract[id];
  const other = contract[otherRegion(id)];
  const regions = [own.region, other.region];
  const throughEc2 = {
    StringEquals: { "kms:ViaService": regions.map((region) => `ec2.${region}.amazonaws.com`) },
  };
  const snapshots = regions.map((region) => `arn:aws:ec2:${region}::snapshot/*`);
  const volumes = `arn:aws:ec2:${own.region}:${contract.accountId}:volume/*`;
  return [
    {
      Sid: "SnapshotVolumes",
      Effect: "Allow",
      // Deleting is how a recovery point ends when its days are over; one in a locked vault doesn't go earlier.
      Action: ["ec2:CopySnapshot", "ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DeleteSnapshot"],
      Resource: [...snapshots, volumes],
    },
    {
      // What was restored is deleted by AWS's own role for restore tests; this one deletes no volume.
      Sid: "RestoreVolumesForATest",
      Effect: "Allow",
      Action: ["ec2:CreateVolume", "ec2:CreateTags"],
      Resource: [volumes, snapshots[0] as string],
    },
    {
      // EC2's Describe calls and the search by tags know no resource.
      Sid: "FindVolumesAndSnapshots",
      Effect: "Allow",
      Action: ["ec2:DescribeSnapshots", "ec2:DescribeTags", "ec2:DescribeVolumes", "tag:GetResources"],
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": regions } },
    },
    {
      Sid: "FillVaults",
      Effect: "Allow",
      Action: ["backup:CopyIntoBackupVault", "backup:DescribeBackupVault"],
      Resource: [volumeVaultArn(contract, own), volumeVaultArn(contract, other)],
    },
    {
      Sid: "ReEncryptSnapshots",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"],
      Resource: dataKeyArns,
      Condition: throughEc2,
    },
    {
      Sid: "GrantTheKeysToSnapshots",
      Effect: "Allow",
      Action: "kms:CreateGrant",
      Resource: dataKeyArns,
      Condition: { ...throughEc2, Bool: { "kms:GrantIsForAWSResource": "true" } },
    },
  ];
}

/** For stack `global`: the vaults. No right to delete one, or what is in it, or to take a lock off. */
export function deployVolumeVaultStatements(contract: Contract, dataKeyArns: readonly string[]): Statement[] {
  const { home, recovery } = contract;
  return [
    {
      Sid: "OwnVolumeVaults",
      Effect: "Allow",
      Action: [
        "backup:CreateBackupVault",
        "backup:DescribeBackupVault",
        "backup:ListTags",
        "backup:PutBackupVaultLockConfiguration",
        "backup:TagResource",
        "backup:UntagResource",
      ],
      Resource: [volumeVaultArn(contract, home), volumeVaultArn(contract, recovery)],
    },
    {
      // AWS Backup requires this right to create a vault; it can't be limited to a resource.
      Sid: "MakeVolumeVaults",
      Effect: "Allow",
      Action: "backup-storage:MountCapsule",
      Resource: "*",
    },
    {
      Sid: "EncryptVolumeVaults",
      Effect: "Allow",
      Action: ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:RetireGrant"],
      Resource: dataKeyArns,
      Condition: {
        StringEquals: {
          "kms:ViaService": [home, recovery].map(({ region }) => `backup.${region}.amazonaws.com`),
        },
      },
    },
  ];
}

/** For a region's stack: what is backed up, when, and how restoring it is tested. */
export function deployVolumeBackupStatements({ accountId }: Contract, own: RegionContract): Statement[] {
  return [
    {
      Sid: "PlanVolumeBackups",
      Effect: "Allow",
      Action: [
        "backup:CreateBackupPlan",
        "backup:CreateBackupSelection",
        "backup:CreateRestoreTestingPlan",
        "backup:CreateRestoreTestingSelection",
        "backup:DeleteBackupPlan",
        "backup:DeleteBackupSelection",
        "backup:DeleteRestoreTestingPlan",
        "backup:DeleteRestoreTestingSelection",
        "backup:GetBackupPlan",
        "backup:GetBackupSelection",
        "backup:GetRestoreTestingPlan",
        "backup:GetRestoreTestingSelection",
        "backup:ListTags",
        "backup:TagResource",
        "backup:UntagResource",
        "backup:UpdateBackupPlan",
        "backup:UpdateRestoreTestingPlan",
        "backup:UpdateRestoreTestingSelection",
      ],
      // AWS chooses the ids of plans.
      Resource: ["backup-plan", "restore-testing-plan"].map(
        (kind) => `arn:aws:backup:${own.region}:${accountId}:${kind}:*`,
      ),
    },
    {
      Sid: "HandRoleToBackups",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: `arn:aws:iam::${accountId}:role/${own.volumeBackupRole}`,
      Condition: { StringEquals: { "iam:PassedToService": "backup.amazonaws.com" } },
    },
  ];
}
