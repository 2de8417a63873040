/** What was done stays known. */
import type * as cloudtrail from "@pulumi/aws/cloudtrail/index.js";
import type * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import type * as ssm from "@pulumi/aws/ssm/index.js";
import { argsOf, check, known, linked, rule, stackRule } from "../rule.js";
import { guidance, securityHub } from "../standards.js";

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
          reason: "actions in other regions would not be recorded",
          remedy: "set isMultiRegionTrail to true",
        };
      }
      if (props.includeGlobalServiceEvents === false) {
        yield {
          key: "includeGlobalServiceEvents",
          value: false,
          reason: "changes to IAM would not be recorded",
          remedy: "leave it out or set it to true",
        };
      }
      if (props.enableLogFileValidation !== true) {
        yield {
          key: "enableLogFileValidation",
          value: props.enableLogFileValidation,
          reason: "a removed record would go unnoticed",
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
          reason: "read access to the bucket alone would expose the audit trail",
          remedy: "set kmsKeyId to the audit key",
        };
      }
    }),
  },
);

const EVENT_RULE = "aws:cloudwatch/eventRule:EventRule";

/** An alarm on the rule's own metric hears of it too: the canary's rule has no target. */
export const eventRulesHeard = stackRule(
  {
    name: "event-rules-heard",
    description: "Every rule of EventBridge is on, and somebody hears of what it sees.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "EventBridge: best practices for rules",
      "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules-best-practices.html",
    ),
  },
  EVENT_RULE,
  function* (eventRule, stack) {
    const { state } = argsOf<cloudwatch.EventRuleArgs>(eventRule);
    if (state === "DISABLED") {
      yield {
        key: "state",
        value: state,
        reason: "an attack that it watches for would go unseen",
        remedy: "leave it out or set it to ENABLED",
      };
    }
    const name = known(() => argsOf<cloudwatch.EventRuleArgs>(eventRule).name);
    const targets = linked(
      stack,
      "aws:cloudwatch/eventTarget:EventTarget",
      "rule",
      eventRule,
      name === undefined ? [] : [name],
    );
    const isCounted = stack.some((alarm) => {
      if (alarm.type !== "aws:cloudwatch/metricAlarm:MetricAlarm") return false;
      if (alarm.propertyDependencies.dimensions?.some(({ urn }) => urn === eventRule.urn)) return true;
      const { namespace, dimensions } = argsOf<cloudwatch.MetricAlarmArgs>(alarm);
      return known(() => namespace === "AWS/Events" && dimensions?.RuleName === name) ?? false;
    });
    if (targets.length === 0 && !isCounted) {
      yield {
        key: "target",
        value: undefined,
        reason: "what it sees would go unreported",
        remedy: "add an EventTarget, or an alarm on its metric MatchedEvents",
      };
    }
  },
);

/** Kept for ever is paid for ever, and a burden by law where it names people. */
export const logRetentionSet = rule(
  {
    name: "log-retention-set",
    description: "Every log group keeps its records for at least 30 days, and not indefinitely.",
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
          reason: days ? "an incident is often found later than that" : "records would be kept indefinitely",
          remedy: "set retentionInDays to 30 or more",
        };
      }
    }),
  },
);

/** Streamed, and not only sent when the session ends: until then the file is on the machine, whose root the person may be. */
export const shellsLeaveTranscripts = rule(
  {
    name: "shells-leave-transcripts",
    description: "Every document for shells streams a transcript to an encrypted log group.",
    level: "mandatory",
    severity: "high",
    reference: guidance(
      "Session Manager: session document schema",
      "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html",
    ),
  },
  {
    "aws:ssm/document:Document": check<ssm.DocumentArgs>(function* ({ props }) {
      if (props.documentType !== "Session") return;
      const { sessionType, inputs = {} } = JSON.parse(String(props.content));
      // Port forwarding shows no terminal.
      if (sessionType === "Port") return;
      if (!inputs.cloudWatchLogGroupName) {
        yield {
          key: "content.inputs.cloudWatchLogGroupName",
          value: inputs.cloudWatchLogGroupName,
          reason: "what a person did in a shell would stay unknown",
          remedy: "name the log group of transcripts",
        };
      }
      for (const [key, reason] of [
        ["cloudWatchStreamingEnabled", "who ends the agent would take the transcript away"],
        ["cloudWatchEncryptionEnabled", "a shell would open also where its transcript can't be written"],
      ] as const) {
        if (inputs[key] === true) continue;
        yield { key: `content.inputs.${key}`, value: inputs[key], reason, remedy: "set it to true" };
      }
    }),
  },
);
