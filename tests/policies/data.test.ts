import {
  cloudtrailComplete,
  eventRulesHeard,
  logRetentionSet,
  shellsLeaveTranscripts,
} from "../../policies/rules/audit.js";
import { dynamodbDeletionProtected, dynamodbRecoverable } from "../../policies/rules/database.js";
import { failoverRecordsChecked } from "../../policies/rules/dns.js";
import { dataProtected, explicitProvider } from "../../policies/rules/protection.js";
import { describeRule } from "../support/policy.js";

const TABLE = "aws:dynamodb/table:Table";

const final = "\n  a wrong write would be final\n  → switch point-in-time recovery on";
describeRule(dynamodbRecoverable, {
  good: [
    {
      type: TABLE,
      props: {
        pointInTimeRecovery: { enabled: true },
        replicas: [{ regionName: "eu-central-1", pointInTimeRecovery: true }],
      },
    },
  ],
  bad: {
    "a table without": {
      set: { pointInTimeRecovery: undefined },
      message: `pointInTimeRecovery.enabled = (not set)${final}`,
    },
    "a replica without": {
      set: { "replicas.0.pointInTimeRecovery": false },
      message: `replicas.0.pointInTimeRecovery = false${final}`,
    },
  },
});

const deletable = "\n  one wrong call would delete it\n  → set deletionProtectionEnabled to true";
describeRule(dynamodbDeletionProtected, {
  good: [
    {
      type: TABLE,
      props: { deletionProtectionEnabled: true, replicas: [{ deletionProtectionEnabled: true }] },
    },
  ],
  bad: {
    "a table without": {
      set: { deletionProtectionEnabled: false },
      message: `deletionProtectionEnabled = false${deletable}`,
    },
    "a replica without": {
      set: { "replicas.0.deletionProtectionEnabled": undefined },
      message: `replicas.0.deletionProtectionEnabled = (not set)${deletable}`,
    },
  },
});

describeRule(cloudtrailComplete, {
  good: [
    {
      type: "aws:cloudtrail/trail:Trail",
      props: {
        isMultiRegionTrail: true,
        includeGlobalServiceEvents: true,
        enableLogFileValidation: true,
        enableLogging: true,
        kmsKeyId: "arn:key",
      },
    },
  ],
  bad: {
    "one region only": {
      set: { isMultiRegionTrail: undefined },
      message:
        "isMultiRegionTrail = (not set)\n  actions in other regions would not be recorded\n  → set isMultiRegionTrail to true",
    },
    "IAM left out": {
      set: { includeGlobalServiceEvents: false },
      message:
        "includeGlobalServiceEvents = false\n  changes to IAM would not be recorded\n  → leave it out or set it to true",
    },
    "no validation": {
      set: { enableLogFileValidation: false },
      message:
        "enableLogFileValidation = false\n  a removed record would go unnoticed\n  → set enableLogFileValidation to true",
    },
    "a stopped trail": {
      set: { enableLogging: false },
      message: "enableLogging = false\n  nothing would be recorded\n  → leave it out or set it to true",
    },
    "no key": {
      set: { kmsKeyId: undefined },
      message:
        "kmsKeyId = (not set)\n  read access to the bucket alone would expose the audit trail\n  → set kmsKeyId to the audit key",
    },
  },
});

describeRule(logRetentionSet, {
  good: [{ type: "aws:cloudwatch/logGroup:LogGroup", props: { retentionInDays: 90 } }],
  bad: {
    "for ever": {
      set: { retentionInDays: undefined },
      message:
        "retentionInDays = (not set)\n  records would be kept indefinitely\n  → set retentionInDays to 30 or more",
    },
    "a week": {
      set: { retentionInDays: 7 },
      message:
        "retentionInDays = 7\n  an incident is often found later than that\n  → set retentionInDays to 30 or more",
    },
  },
});

const shell = (inputs: object, sessionType = "Standard_Stream") =>
  JSON.stringify({
    sessionType,
    inputs: {
      cloudWatchLogGroupName: "/drs/eu-west-1/sessions",
      cloudWatchEncryptionEnabled: true,
      cloudWatchStreamingEnabled: true,
      ...inputs,
    },
  });
const session = (content: string, documentType = "Session") => ({
  type: "aws:ssm/document:Document",
  props: { documentType, content },
});
describeRule(shellsLeaveTranscripts, {
  good: [
    session(shell({})),
    session(shell({ cloudWatchLogGroupName: "" }, "Port")),
    session("---\nschemaVersion: '2.2'", "Command"),
  ],
  bad: {
    "no group": {
      set: { content: shell({ cloudWatchLogGroupName: undefined }) },
      message:
        "content.inputs.cloudWatchLogGroupName = (not set)\n  what a person did in a shell would stay unknown\n  → name the log group of transcripts",
    },
    "sent at the end": {
      set: { content: shell({ cloudWatchStreamingEnabled: false }) },
      message:
        "content.inputs.cloudWatchStreamingEnabled = false\n  who ends the agent would take the transcript away\n  → set it to true",
    },
    "no look at the group": {
      set: { content: shell({ cloudWatchEncryptionEnabled: false }) },
      message:
        "content.inputs.cloudWatchEncryptionEnabled = false\n  a shell would open also where its transcript can't be written\n  → set it to true",
    },
  },
});

describeRule(failoverRecordsChecked, {
  good: [
    {
      type: "aws:route53/record:Record",
      props: { type: "CNAME", failoverRoutingPolicies: [{ type: "PRIMARY" }], healthCheckId: "hc" },
    },
    { type: "aws:route53/record:Record", name: "plain", props: { type: "A" } },
  ],
  bad: {
    "no health check": {
      set: { healthCheckId: undefined },
      message:
        "healthCheckId = (not set)\n  Route 53 would take the PRIMARY record for healthy even while its region is gone\n  → set healthCheckId to the health check of its region",
    },
  },
});

const unprotected =
  "protect = false\n  a destroy, a renamed resource or a changed name would delete what it holds\n  → set protect: true in the resource's options";
describeRule(dataProtected, {
  good: dataProtected.types.map((type) => ({ type, name: type, protect: true, props: { bucket: "b" } })),
  bad: Object.fromEntries(
    dataProtected.types.map((type, of) => [type, { of, sample: { protect: false }, message: unprotected }]),
  ),
});

describeRule(explicitProvider, {
  good: [
    { type: "aws:s3/bucket:Bucket", provider: "aws-eu-west-1", props: { bucket: "b" } },
    { type: "pulumi:providers:aws", provider: "default", props: { region: "eu-west-1" } },
  ],
  bad: {
    "a default provider": {
      sample: { provider: "default_7_48_0" },
      message:
        'provider = "default_7_48_0"\n  the default provider takes its region from the environment: often the wrong one\n  → pass parent: this, or the region\'s provider',
    },
  },
});

describeRule(eventRulesHeard, {
  good: [
    { type: "aws:cloudwatch/eventRule:EventRule", props: { name: "drs-watch-keys", state: "ENABLED" } },
    {
      type: "aws:cloudwatch/eventTarget:EventTarget",
      name: "target",
      props: { rule: "drs-watch-keys", arn: "arn:aws:sns:eu-west-1:123456789012:page" },
    },
    { type: "aws:cloudwatch/eventRule:EventRule", name: "canary", props: { name: "drs-watch-canary" } },
    {
      type: "aws:cloudwatch/metricAlarm:MetricAlarm",
      name: "alarm",
      props: { namespace: "AWS/Events", dimensions: { RuleName: "drs-watch-canary" } },
      propertyDependencies: {
        dimensions: ["aws:cloudwatch/eventRule:EventRule::canary"],
      },
    },
  ],
  bad: {
    "a rule that is off": {
      set: { state: "DISABLED" },
      message:
        'state = "DISABLED"\n  an attack that it watches for would go unseen\n  → leave it out or set it to ENABLED',
    },
    "a rule without a target": {
      of: 1,
      drop: true,
      message:
        "target = (not set)\n  what it sees would go unreported\n  → add an EventTarget, or an alarm on its metric MatchedEvents",
    },
    "a canary whose alarm counts another rule": {
      of: 3,
      sample: { propertyDependencies: {} },
      set: { "dimensions.RuleName": "another" },
      message:
        "target = (not set)\n  what it sees would go unreported\n  → add an EventTarget, or an alarm on its metric MatchedEvents",
    },
  },
});
