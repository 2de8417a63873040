/** Where alarms go: one topic that wakes somebody, one that is read in working hours. */
import * as sns from "@pulumi/aws/sns/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contact } from "../settings/schema.js";
import { policyDocument, type Statement } from "./access/policy-document.js";

export type AlarmSeverity = Contact["severity"];

export interface AlarmTopicsArgs {
  /** Who receives which alarms. A severity without a contact gets a topic too. */
  readonly contacts: readonly Contact[];
  /** AWS account whose alarms may publish. */
  readonly accountId: string;
  /** AWS region of topics and alarms; an alarm publishes only to topics of the same region. */
  readonly region: string;
  /** Rules of EventBridge that may publish, as ARNs, perhaps with `*`. */
  readonly rulesArns: Readonly<Record<AlarmSeverity, readonly string[]>>;
  /**
   * KMS key in that region. AWS's own key for SNS won't do: its policy doesn't let alarms use it. The key's
   * policy must allow cloudwatch.amazonaws.com kms:GenerateDataKey* and kms:Decrypt.
   */
  readonly notificationsKeyArn: pulumi.Input<string>;
}

const TITLES = { page: "wakes somebody", notify: "read in working hours" } as const;

export class AlarmTopics extends pulumi.ComponentResource {
  readonly arns: Readonly<Record<AlarmSeverity, pulumi.Output<string>>>;

  constructor(
    private readonly name: string,
    private readonly args: AlarmTopicsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:alarms:AlarmTopics", name, {}, opts);
    this.arns = { page: this.topic("page"), notify: this.topic("notify") };
    this.registerOutputs({ arns: this.arns });
  }

  private topic(severity: AlarmSeverity): pulumi.Output<string> {
    const { contacts, notificationsKeyArn } = this.args;
    const topic = new sns.Topic(
      `${this.name}-${severity}`,
      { displayName: `Alarms: ${TITLES[severity]}`, kmsMasterKeyId: notificationsKeyArn },
      { parent: this },
    );
    new sns.TopicPolicy(
      `${this.name}-${severity}`,
      { arn: topic.arn, policy: topic.arn.apply((arn) => this.policy(arn, severity)) },
      { parent: this },
    );
    contacts
      .filter((contact) => contact.severity === severity)
      .forEach(({ protocol, endpoint }, i) => {
        new sns.TopicSubscription(
          `${this.name}-${severity}-${i + 1}`,
          {
            topic: topic.arn,
            protocol,
            endpoint,
            // Pagers confirm by themselves. Waiting for it turns a mistyped address into an error now,
            // instead of a subscription that stays unconfirmed and delivers nothing.
            ...(protocol === "https" && { endpointAutoConfirms: true, confirmationTimeoutInMinutes: 2 }),
          },
          { parent: this },
        );
      });
    return topic.arn;
  }

  private policy(topicArn: string, severity: AlarmSeverity): string {
    const { accountId, region, rulesArns } = this.args;
    return policyDocument([
      {
        Sid: "AlarmsOfThisAccountPublish",
        Effect: "Allow",
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Action: "sns:Publish",
        Resource: topicArn,
        Condition: {
          StringEquals: { "aws:SourceAccount": accountId },
          ArnLike: { "aws:SourceArn": `arn:aws:cloudwatch:${region}:${accountId}:alarm:*` },
        },
      },
      ...(rulesArns[severity].length > 0 ? [rulesPublish(topicArn, accountId, rulesArns[severity])] : []),
      {
        Sid: "TlsOnly",
        Effect: "Deny",
        Principal: "*",
        Action: "sns:Publish",
        Resource: topicArn,
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ]);
  }
}

const rulesPublish = (topicArn: string, accountId: string, rulesArns: readonly string[]): Statement => ({
  Sid: "RulesOfThisRegionPublish",
  Effect: "Allow",
  Principal: { Service: "events.amazonaws.com" },
  Action: "sns:Publish",
  Resource: topicArn,
  Condition: {
    StringEquals: { "aws:SourceAccount": accountId },
    ArnLike: { "aws:SourceArn": [...rulesArns] },
  },
});
