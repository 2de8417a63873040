/**
 * IAM actions for which AWS takes no narrower resource than `*`. A statement over these may say `*`; over
 * anything else it must name what it is about.
 *
 * Source: https://docs.aws.amazon.com/service-authorization/latest/reference/ – the actions of each service
 * whose column "Resource types" is empty. A trailing `*` covers a family of which all are so.
 */
const UNSCOPED_ACTIONS: readonly string[] = [
  "acm:ListCertificates",
  "acm:RequestCertificate",
  "autoscaling:Describe*",
  "backup-storage:MountCapsule",
  "cloudtrail:DescribeTrails",
  "cloudtrail:ListTrails",
  "cloudtrail:LookupEvents",
  "cloudwatch:GetMetricData",
  "cloudwatch:GetMetricStatistics",
  "cloudwatch:ListMetrics",
  "cloudwatch:PutMetricData",
  "dynamodb:DescribeLimits",
  "dynamodb:ListTables",
  "ec2:Describe*",
  "ec2messages:*",
  "elasticloadbalancing:Describe*",
  "iam:ListOpenIDConnectProviders",
  "iam:ListPolicies",
  "iam:ListRoles",
  "kms:CreateKey",
  "kms:ListAliases",
  "kms:ListKeys",
  "route53:CreateHealthCheck",
  "route53:CreateHostedZone",
  "route53:GetCheckerIpRanges",
  "route53:ListHealthChecks",
  "route53:ListHostedZones",
  "route53:ListHostedZonesByName",
  "s3:ListAllMyBuckets",
  "secretsmanager:GetRandomPassword",
  "secretsmanager:ListSecrets",
  "sns:ListSubscriptions",
  "sns:ListTopics",
  "ssm:DescribeInstanceInformation",
  "ssm:DescribeParameters",
  "ssm:GetCommandInvocation",
  "ssmmessages:*",
  "sts:GetCallerIdentity",
  "tag:GetResources",
];

/** True when AWS takes only `*` as the resource of every action that `action` covers. */
export const isUnscoped = (action: string): boolean =>
  UNSCOPED_ACTIONS.some((known) =>
    known.endsWith("*")
      ? action.toLowerCase().startsWith(known.slice(0, -1).toLowerCase())
      : action.toLowerCase() === known.toLowerCase(),
  );
