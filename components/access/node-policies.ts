/** What a region's machines may do; restore-policies.ts has the restore machine's part. No Pulumi here. */
import { DIVERGED_PREFIX } from "../../nodes/render/node-env.js";
import {
  type Contract,
  type MachineKind,
  NODE_TAG,
  otherRegion,
  type RegionContract,
} from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { claimsAndStatus } from "./claim-policies.js";
import type { Statement } from "./policy-document.js";

/** ARNs of the keys that one region's machines touch. */
export interface NodeKeys {
  readonly data: string;
  readonly ownBackups: string;
  readonly otherBackups: string;
}

/** A database node: its secrets, its settings, its vault, its status, its own volume. */
export function databaseNodeStatements(contract: Contract, id: RegionId, keys: NodeKeys): Statement[] {
  const own = contract[id];
  const other = contract[otherRegion(id)];
  return [
    ...readSecrets(
      contract,
      own,
      [
        ...Object.values(contract.secrets),
        // By pattern: there is no end to the number of databases, and there is one to a policy's length.
        contract.ownerSecret("*"),
        // Of all database nodes of this region (the other region's certificates are there; the restore machine's key signs
        // reports on what these nodes stored). A node can't be limited to its own certificate: instances of one
        // role carry no tag that a condition on the caller could name, and their session is named by the
        // instance's id, which is unknown before it starts. A role per node would be 34 roles at the most.
        contract.certificateSecret(`${own.vpcName}-db-*`),
        contract.certificateSecret(`${own.vpcName}-read-*`),
      ],
      keys.data,
    ),
    readParameters(contract, own, [own.clusterParameter, contract.authorityParameter]),
    ...ownVault(own, keys.ownBackups),
    ...otherVault(other, keys.otherBackups),
    ...seeHowVaultsAreProtected([own, other], [keys.ownBackups, keys.otherBackups]),
    ...claimsAndStatus(contract, own),
    ...ownVolume(contract, own, keys.data),
    ...seeTheOtherRegion(other),
    ...operated(contract, own, "database"),
  ];
}

/**
 * A Tomcat server: the application, the password of the login that owns the first database, the authority by
 * which it knows the database nodes, and nothing else.
 */
export function tomcatStatements(
  contract: Contract,
  id: RegionId,
  keys: NodeKeys,
  { application, databases }: Pick<SharedSettings, "application" | "databases">,
): Statement[] {
  const own = contract[id];
  const logins = databases.slice(0, 1).map(({ owner }) => contract.ownerSecret(owner));
  return [
    ...readSecrets(contract, own, logins, keys.data),
    readParameters(contract, own, [contract.authorityParameter]),
    ...readApplication(own, keys.ownBackups, application.war),
    ...operated(contract, own, "tomcat"),
  ];
}

/** Flow logs: write to their own group. */
export function flowLogStatements({ accountId }: Contract, { region, flowLogGroup }: RegionContract) {
  const group = `arn:aws:logs:${region}:${accountId}:log-group:${flowLogGroup}`;
  return [
    {
      Sid: "WriteFlowLogs",
      Effect: "Allow",
      // No logs:CreateLogGroup: the group is the region stack's, with its own retention and key.
      Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      Resource: [group, `${group}:*`],
    },
    {
      // The service looks for the group by listing, which takes no narrower resource than all groups of a
      // region.
      Sid: "FindTheGroup",
      Effect: "Allow",
      Action: "logs:DescribeLogGroups",
      Resource: `arn:aws:logs:${region}:${accountId}:log-group:*`,
    },
  ] satisfies Statement[];
}

export function readSecrets(
  { accountId }: Contract,
  { region }: RegionContract,
  names: readonly string[],
  dataKey: string,
): Statement[] {
  return [
    {
      Sid: "ReadOwnSecrets",
      Effect: "Allow",
      Action: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
      // Secrets Manager puts six random characters behind each name.
      Resource: names.map((name) => `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}-??????`),
    },
    {
      Sid: "DecryptSecrets",
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: dataKey,
      Condition: { StringEquals: { "kms:ViaService": `secretsmanager.${region}.amazonaws.com` } },
    },
  ];
}

/** Plain parameters of the own region: no key is needed to read them. */
export const readParameters = (
  { accountId }: Contract,
  { region }: RegionContract,
  names: readonly string[],
): Statement => ({
  Sid: "ReadOwnParameters",
  Effect: "Allow",
  Action: "ssm:GetParameter",
  Resource: names.map((name) => `arn:aws:ssm:${region}:${accountId}:parameter${name}`),
});

/** The WAR in the region's own bucket; or a WAR in another bucket, and no other object there. */
function readApplication({ region, artifactBucket }: RegionContract, key: string, war: string): Statement[] {
  const bucket = `arn:aws:s3:::${artifactBucket}`;
  const elsewhere = war.startsWith("s3://") ? [`arn:aws:s3:::${war.slice("s3://".length)}`] : [];
  return [
    {
      Sid: "ReadApplication",
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: [`${bucket}/*`, ...elsewhere],
    },
    {
      // The key is the vault's too. With S3's bucket keys what is encrypted is bound to its bucket.
      Sid: "DecryptApplication",
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: key,
      Condition: {
        StringEquals: {
          "kms:ViaService": `s3.${region}.amazonaws.com`,
          "kms:EncryptionContext:aws:s3:arn": bucket,
        },
      },
    },
  ];
}

/**
 * pgBackRest in the region's own vault. It needs `s3:DeleteObject`: it ends each backup by expiring old ones,
 * and a resumed backup removes what was half written. In a versioned bucket that only puts a delete marker in
 * front; the version below is locked. There is no right to delete a version, to change a lock, the versioning
 * or the bucket, and none to write where the other region's replicas stand. A stolen node can hide backups,
 * not destroy them; reading versions is what brings hidden ones back (`--repo-target-time`).
 */
function ownVault({ region, vaultBucket, repositoryPath }: RegionContract, key: string): Statement[] {
  const bucket = `arn:aws:s3:::${vaultBucket}`;
  return [
    {
      Sid: "ListOwnVault",
      Effect: "Allow",
      Action: [
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListBucketVersions",
      ],
      Resource: bucket,
    },
    readOwnVault(bucket),
    {
      Sid: "WriteOwnRepository",
      Effect: "Allow",
      Action: ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
      Resource: `${bucket}${repositoryPath}/*`,
    },
    {
      // Put, and nothing else: what a node saved there must outlive it.
      Sid: "WriteDivergedChanges",
      Effect: "Allow",
      Action: ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"],
      Resource: `${bucket}/${DIVERGED_PREFIX}/*`,
    },
    useOwnVaultKey(region, key),
  ];
}

/** Whether both vaults are still as declared. A cold region has no nodes, so the other region's look. Another key than the declared one is denied. */
const seeHowVaultsAreProtected = (
  vaults: readonly RegionContract[],
  keys: readonly string[],
): Statement[] => [
  {
    Sid: "SeeHowVaultsAreProtected",
    Effect: "Allow",
    Action: [
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketVersioning",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
    ],
    Resource: vaults.map(({ vaultBucket }) => `arn:aws:s3:::${vaultBucket}`),
  },
  { Sid: "SeeTheirKeys", Effect: "Allow", Action: "kms:DescribeKey", Resource: keys },
];

/** Every version of every object in the region's own vault. */
export const readOwnVault = (bucketArn: string): Statement => ({
  Sid: "ReadOwnVault",
  Effect: "Allow",
  Action: ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectVersion"],
  Resource: `${bucketArn}/*`,
});

/** Its key, through S3 only: to read what is there, and to write. */
export const useOwnVaultKey = (region: string, key: string): Statement => ({
  Sid: "UseOwnVaultKey",
  Effect: "Allow",
  Action: ["kms:Decrypt", "kms:GenerateDataKey"],
  Resource: key,
  Condition: { StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` } },
});

/** Reading the other vault: to restore from it while replication is behind. */
export function otherVault({ region, vaultBucket }: RegionContract, key: string): Statement[] {
  const bucket = `arn:aws:s3:::${vaultBucket}`;
  return [
    {
      Sid: "ListOtherVault",
      Effect: "Allow",
      Action: ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"],
      Resource: bucket,
    },
    {
      Sid: "ReadOtherVault",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:GetObjectVersion"],
      Resource: `${bucket}/*`,
    },
    {
      Sid: "UseOtherVaultKey",
      Effect: "Allow",
      Action: "kms:Decrypt",
      Resource: key,
      Condition: { StringEquals: { "kms:ViaService": `s3.${region}.amazonaws.com` } },
    },
  ];
}

/**
 * A new instance takes the data volume of the node it replaces. Volume and instance must both be tagged as a
 * database node of this region: the tag's value is the node's name.
 */
function ownVolume({ accountId }: Contract, own: RegionContract, dataKey: string): Statement[] {
  const { region, databaseNodes, readReplicas } = own;
  return [
    {
      Sid: "AttachDataVolume",
      Effect: "Allow",
      Action: "ec2:AttachVolume",
      Resource: [
        `arn:aws:ec2:${region}:${accountId}:volume/*`,
        `arn:aws:ec2:${region}:${accountId}:instance/*`,
      ],
      Condition: {
        StringEquals: {
          [`aws:ResourceTag/${NODE_TAG}`]: [...databaseNodes, ...readReplicas].map(({ name }) => name),
        },
      },
    },
    {
      Sid: "GrantTheKeyToTheVolume",
      Effect: "Allow",
      Action: "kms:CreateGrant",
      Resource: dataKey,
      Condition: {
        StringEquals: { "kms:ViaService": `ec2.${region}.amazonaws.com` },
        Bool: { "kms:GrantIsForAWSResource": "true" },
      },
    },
    {
      Sid: "DecryptTheVolume",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"],
      Resource: dataKey,
      Condition: { StringEquals: { "kms:ViaService": `ec2.${region}.amazonaws.com` } },
    },
    {
      // EC2's Describe calls know no resource.
      Sid: "FindOwnVolume",
      Effect: "Allow",
      Action: ["ec2:DescribeInstances", "ec2:DescribeVolumes"],
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
  ];
}

/**
 * A guard may see that the platform has stopped all nodes of the other region, which proves them fenced.
 * EC2's and Auto Scaling's Describe calls know no resource.
 */
const seeTheOtherRegion = ({ region }: RegionContract): Statement[] => [
  {
    Sid: "SeeTheOtherRegionStopped",
    Effect: "Allow",
    Action: ["autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances"],
    Resource: "*",
    Condition: { StringEquals: { "aws:RequestedRegion": region } },
  },
];

/** What every machine may do: report metrics and logs, and be reached through Session Manager. */
export function operated(
  { accountId, metricNamespaces }: Contract,
  { region, logGroups, sessionLogGroup }: RegionContract,
  kind: MachineKind,
): Statement[] {
  const groups = `arn:aws:logs:${region}:${accountId}:log-group`;
  return [
    {
      // PutMetricData knows no resource; the namespace is what limits it.
      Sid: "ReportOwnMetrics",
      Effect: "Allow",
      Action: "cloudwatch:PutMetricData",
      Resource: "*",
      Condition: { StringEquals: { "cloudwatch:namespace": metricNamespaces[kind] } },
    },
    {
      // The group of its kind alone, and the transcripts': a stolen Tomcat can't write into the database's log. No
      // logs:CreateLogGroup: the groups are the stacks', with retention and key.
      Sid: "WriteOwnLogsAndTranscripts",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      Resource: [logGroups[kind], sessionLogGroup].flatMap((name) => [
        `${groups}:${name}`,
        `${groups}:${name}:*`,
      ]),
    },
    {
      // Before it opens a shell, Session Manager's agent looks whether the transcripts' group has a key. IAM names no
      // group in that request.
      Sid: "SeeLogGroups",
      Effect: "Allow",
      Action: "logs:DescribeLogGroups",
      Resource: `${groups}:*`,
    },
    {
      // Session Manager's channels know no resource. No ssm:GetParameter: the agent's managed policy would
      // let a machine read every parameter of the account.
      Sid: "SessionManagerChannels",
      Effect: "Allow",
      Action: [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
    {
      Sid: "SessionManagerRegisters",
      Effect: "Allow",
      Action: "ssm:UpdateInstanceInformation",
      Resource: `arn:aws:ec2:${region}:${accountId}:instance/*`,
    },
  ];
}
