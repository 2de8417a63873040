/** What was done stays known. */
import type * as cloudtrail from "@pulumi/aws/cloudtrail/index.js";
import type * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import { check, rule } from "../rule.js";
import { securityHub } from "../standards.js";

export const cloudtrailComplete = rule(
  {
    name: "cloudtrail-complete",
    description: "The audit trail covers all regions and IAM, proves that it is whole, and is encrypted.",
    level: "mandatory",
    severity: "high",
    reference: securityHub("CloudTrail.1"),
  },
  {
    "aws:cloudtrail/trail:Trail": check<cloudtrail.TrailArgs>(function* ({ props }) {
      if (props.isMultiRegionTrail !== true) {
        yield {
          key: "isMultiRegionTrail",
          value: props.isMultiRegionTrail,
          reason: "what is done in another region would go unseen",
          remedy: "set isMultiRegionTrail to true",
        };
      }
      if (props.includeGlobalServiceEvents === false) {
        yield {
          key: "includeGlobalServiceEvents",
          value: false,
          reason: "changes of IAM would go unseen",
          remedy: "leave it out or set it to true",
        };
      }
      if (props.enableLogFileValidation !== true) {
        yield {
          key: "enableLogFileValidation",
          value: props.enableLogFileValidation,
          reason: "nobody could prove that no record was removed",
          remedy: "set enableLogFileValidation to true",
        };
      }
      if (props.enableLogging === false) {
        yield {
          key: "enableLogging",
          value: false,
          reason: "nothing would be recorded",
          remedy: "leave it out or set it to true",
        };
      }
      if (!props.kmsKeyId) {
        yield {
          key: "kmsKeyId",
          value: props.kmsKeyId,
          reason: "whoever can read the bucket could read who did what",
          remedy: "set kmsKeyId to the audit key",
        };
      }
    }),
  },
);

/** Kept for ever is paid for ever, and a burden by law where it names people. */
export const logRetentionSet = rule(
  {
    name: "log-retention-set",
    description: "Every log group keeps its records for at least 30 days, and not for ever.",
    level: "advisory",
    severity: "low",
    reference: securityHub("CloudWatch.16"),
  },
  {
    "aws:cloudwatch/logGroup:LogGroup": check<cloudwatch.LogGroupArgs>(function* ({ props }) {
      const { retentionInDays: days } = props;
      if (!days || days < 30) {
        yield {
          key: "retentionInDays",
          value: days,
          reason: days ? "an incident is often found later than that" : "records would be kept for ever",
          remedy: "set retentionInDays to 30 or more",
        };
      }
    }),
  },
);
