/**
 * The policy of the bucket that holds Pulumi's state: each pipeline role reaches its stack's files. The bucket is
 * older than any stack, so a person applies the policy: `npx dr bootstrap state-bucket`.
 */
import type { Contract } from "../../settings/contract.js";
import { ACCOUNT_STACKS } from "../../settings/stacks.js";
import { bucketStatements } from "./bucket-policies.js";
import { everythingIn, policyDocument, type Statement } from "./policy-document.js";

/** Pulumi's own folders in the bucket; each has one per project, and below it the stacks' files or folders. */
const FOLDERS = ["stacks", "history", "backups", "locks/organization"];

/** Keys of one stack's state, its history and its lock. @param project its name in Pulumi.yaml */
const keysOf = (stack: string, project: string): string[] =>
  FOLDERS.flatMap((folder) => {
    const own = `.pulumi/${folder}/${project}/${stack}`;
    return folder === "stacks" ? [`${own}.json`, `${own}.json.*`] : [`${own}/*`];
  });

/**
 * For everybody: TLS, and no version that the pipeline could delete or unlock, whatever its roles are allowed elsewhere.
 * The roles are named by a condition, so that the policy can be put before they exist.
 */
const closed = ({ accountId, pipelineRolePrefix }: Contract, bucket: string): Statement[] => [
  ...bucketStatements(bucket),
  {
    Sid: "VersionsStay",
    Effect: "Deny",
    Principal: "*",
    Action: [
      "s3:BypassGovernanceRetention",
      "s3:DeleteBucket*",
      "s3:DeleteObjectVersion",
      "s3:PutBucket*",
      "s3:PutLifecycleConfiguration",
      "s3:PutObjectLegalHold",
      "s3:PutObjectRetention",
    ],
    Resource: everythingIn(bucket),
    Condition: {
      ArnLike: { "aws:PrincipalArn": `arn:aws:iam::${accountId}:role/${pipelineRolePrefix}*` },
    },
  },
];

/** Before stack `global` has made the pipeline's roles: S3 refuses a policy that names a role that isn't there. */
export const statePolicyWithoutRoles = (contract: Contract, bucket: string): string =>
  policyDocument(closed(contract, bucket));

/** @param bucket its name @param project the project's name in Pulumi.yaml */
export function statePolicy(
  contract: Contract,
  bucket: string,
  project: string,
  /** Role of the people who promote regions. Left out where there is none: S3 refuses a principal that doesn't exist. */
  drOperator?: string,
): string {
  const { accountId, pipelineRolePrefix } = contract;
  const arn = `arn:aws:s3:::${bucket}`;
  const role = (purpose: string) => `arn:aws:iam::${accountId}:role/${pipelineRolePrefix}${purpose}`;
  const all = ["preview", ...ACCOUNT_STACKS.map((stack) => `deploy-${stack}`)].map(role);
  const objects = (keys: readonly string[]) => keys.map((key) => `${arn}/${key}`);
  const titled = (stack: string) => `${stack[0]?.toUpperCase()}${stack.slice(1)}`;
  const statements: Statement[] = [
    ...closed(contract, bucket),
    {
      Sid: "NamesAndFormat",
      Effect: "Allow",
      Principal: { AWS: all },
      Action: ["s3:ListBucket", "s3:GetObject"],
      Resource: [arn, `${arn}/.pulumi/meta.yaml`],
    },
    {
      Sid: "Preview",
      Effect: "Allow",
      Principal: { AWS: role("preview") },
      Action: "s3:GetObject",
      Resource: objects(ACCOUNT_STACKS.flatMap((stack) => keysOf(stack, project))),
    },
    ...ACCOUNT_STACKS.map(
      (stack): Statement => ({
        Sid: `Deploy${titled(stack)}`,
        Effect: "Allow",
        Principal: { AWS: role(`deploy-${stack}`) },
        Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        Resource: objects(keysOf(stack, project)),
      }),
    ),
    ...(drOperator === undefined
      ? []
      : promote(`arn:aws:iam::${accountId}:role/${drOperator}`, arn, objects, project)),
  ];
  return policyDocument(statements);
}

/** A promotion is an `up` of a region's stack. */
const promote = (
  AWS: string,
  arn: string,
  objects: (keys: readonly string[]) => string[],
  project: string,
): Statement[] => [
  {
    Sid: "PromotersSeeNamesAndFormat",
    Effect: "Allow",
    Principal: { AWS },
    Action: ["s3:ListBucket", "s3:GetObject"],
    Resource: [arn, `${arn}/.pulumi/meta.yaml`],
  },
  {
    Sid: "Promote",
    Effect: "Allow",
    Principal: { AWS },
    Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
    Resource: objects(["prod", "dr"].flatMap((stack) => keysOf(stack, project))),
  },
];
