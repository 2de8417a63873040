/** Resource-based policies: none of them opens the resource to strangers. */
import type { Problem } from "../../common/errors.js";
import { conditionValues, isEverybody, statementsOf } from "../documents.js";
import { check, rule } from "../rule.js";
import { securityHub } from "../standards.js";

/** Condition keys that tie a request to an account, an organization, a role or a network of ours. */
const TYING_KEYS = [
  "aws:PrincipalAccount",
  "aws:PrincipalArn",
  "aws:PrincipalOrgID",
  "aws:SourceAccount",
  "aws:SourceArn",
  "aws:SourceVpc",
  "aws:SourceVpce",
  "kms:CallerAccount",
];

const judge = check<{ policy?: string }>(function* ({ props }): Iterable<Problem> {
  for (const statement of statementsOf(props.policy)) {
    const tied = TYING_KEYS.flatMap((key) => conditionValues(statement, key)).some((value) => value !== "*");
    if (statement.allows && (isEverybody(statement) || statement.inverted) && !tied) {
      yield {
        key: `policy.${statement.sid}.Principal`,
        value: statement.principals,
        reason: "anyone with an AWS account gets access",
        remedy: "name the principal, or restrict it by a condition such as aws:PrincipalAccount",
      };
    }
  }
});

/** Buckets, topics, keys, secrets. */
export const resourcePoliciesNotPublic = rule(
  {
    name: "resource-policies-not-public",
    description: "No policy of a bucket, topic, key or secret grants access to everyone.",
    level: "mandatory",
    severity: "critical",
    reference: securityHub("KMS.5"),
  },
  {
    "aws:s3/bucketPolicy:BucketPolicy": judge,
    "aws:sns/topicPolicy:TopicPolicy": judge,
    "aws:kms/key:Key": judge,
    "aws:kms/replicaKey:ReplicaKey": judge,
    "aws:secretsmanager/secretPolicy:SecretPolicy": judge,
  },
);
