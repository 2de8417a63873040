/** Tables: overwritten items can be restored, and no table can be deleted by accident. */
import type * as dynamodb from "@pulumi/aws/dynamodb/index.js";
import { check, rule } from "../rule.js";
import { securityHub } from "../standards.js";

const TABLE = "aws:dynamodb/table:Table";

export const dynamodbRecoverable = rule(
  {
    name: "dynamodb-recoverable",
    description: "Every table and each replica can be restored to any second of the last weeks.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("DynamoDB.2"),
  },
  {
    [TABLE]: check<dynamodb.TableArgs>(function* ({ props }) {
      const text = { reason: "a wrong write would be final", remedy: "switch point-in-time recovery on" };
      if (props.pointInTimeRecovery?.enabled !== true) {
        yield { key: "pointInTimeRecovery.enabled", value: props.pointInTimeRecovery?.enabled, ...text };
      }
      for (const [i, { pointInTimeRecovery }] of (props.replicas ?? []).entries()) {
        if (pointInTimeRecovery !== true) {
          yield { key: `replicas.${i}.pointInTimeRecovery`, value: pointInTimeRecovery, ...text };
        }
      }
    }),
  },
);

export const dynamodbDeletionProtected = rule(
  {
    name: "dynamodb-deletion-protected",
    description: "AWS itself refuses to delete any table or replica.",
    level: "mandatory",
    severity: "medium",
    reference: securityHub("DynamoDB.6"),
  },
  {
    [TABLE]: check<dynamodb.TableArgs>(function* ({ props }) {
      const text = {
        reason: "one wrong call would delete it",
        remedy: "set deletionProtectionEnabled to true",
      };
      if (props.deletionProtectionEnabled !== true) {
        yield { key: "deletionProtectionEnabled", value: props.deletionProtectionEnabled, ...text };
      }
      for (const [i, { deletionProtectionEnabled }] of (props.replicas ?? []).entries()) {
        if (deletionProtectionEnabled !== true) {
          yield {
            key: `replicas.${i}.deletionProtectionEnabled`,
            value: deletionProtectionEnabled,
            ...text,
          };
        }
      }
    }),
  },
);
