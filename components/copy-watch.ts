/** The other place that pages: an event bus in the account of the copy, which an administrator of the first can't silence. */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as kms from "@pulumi/aws/kms/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract, CopyContract } from "../settings/contract.js";
import type { Contact } from "../settings/schema.js";
import { watchBusPolicy } from "./access/copy-policies.js";
import { DELETION_WINDOW_DAYS, notificationsKeyPolicy } from "./access/key-policies.js";
import { AlarmTopics } from "./alarm-topics.js";
import { describeAlarm } from "./alarms/runbooks.js";
import { canaryPattern, notTheCanary } from "./alarms/watched-calls.js";

export interface CopyWatchArgs {
  readonly contract: Contract;
  readonly copy: CopyContract;
  readonly contacts: readonly Contact[];
}

const SILENT_HOURS = 6;

/**
 * The first account forwards its pages about the watch over the vaults, and a canary every hour. Here every event but
 * the canary pages, and so do six hours without one: a rule, a role or a trail there that was switched off says nothing.
 */
export class CopyWatch extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: CopyWatchArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:alarms:CopyWatch", name, {}, opts);
    const bus = this.bus();
    const topicArn = this.topics().arns.page;
    this.pageEvents(bus, topicArn);
    this.pageSilence(bus, topicArn);
    this.registerOutputs();
  }

  private bus(): pulumi.Output<string> {
    const { contract, copy } = this.args;
    const bus = new cloudwatch.EventBus(`${this.name}-bus`, { name: copy.watchBus }, { parent: this });
    new cloudwatch.EventBusPolicy(
      `${this.name}-bus-policy`,
      { eventBusName: bus.name, policy: watchBusPolicy(contract, copy) },
      { parent: this },
    );
    return bus.name;
  }

  private topics(): AlarmTopics {
    const { copy, contacts } = this.args;
    const { accountId, region } = copy;
    const key = new kms.Key(
      `${this.name}-key`,
      {
        description: `${copy.watchBus}: alarm topics`,
        enableKeyRotation: true,
        rotationPeriodInDays: 365,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: notificationsKeyPolicy(copy),
      },
      { parent: this, protect: true },
    );
    const rulesArns = {
      page: [`arn:aws:events:${region}:${accountId}:rule/${copy.watchBus}/${this.pages}`],
      notify: [],
    };
    return new AlarmTopics(
      `${this.name}-topics`,
      { contacts, accountId, region, notificationsKeyArn: key.arn, rulesArns },
      { parent: this },
    );
  }

  private get pages(): string {
    return `${this.args.copy.watchBus}-pages`;
  }

  private pageEvents(eventBusName: pulumi.Output<string>, topicArn: pulumi.Output<string>): void {
    const { contract } = this.args;
    const rule = new cloudwatch.EventRule(
      `${this.name}-pages`,
      {
        name: this.pages,
        description: "All that the protected account reports, but its canary",
        eventBusName,
        eventPattern: JSON.stringify({
          account: [contract.accountId],
          ...notTheCanary(contract),
        }),
      },
      { parent: this },
    );
    new cloudwatch.EventTarget(
      `${this.name}-pages-target`,
      {
        rule: rule.name,
        eventBusName,
        arn: topicArn,
        inputTransformer: {
          inputPaths: {
            at: "$.time",
            what: "$.detail-type",
            source: "$.source",
            call: "$.detail.eventName",
            who: "$.detail.userIdentity.arn",
          },
          // One JSON string: EventBridge puts the values in, and nothing for what an event lacks.
          inputTemplate: JSON.stringify(
            describeAlarm(
              "copy-watch-page",
              `Account ${contract.accountId} reports: <what> of <source> at <at>, call <call> by <who>.`,
            ),
          ),
        },
      },
      { parent: this },
    );
  }

  /** EventBridge counts what a rule matched also where the rule has no target. */
  private pageSilence(eventBusName: pulumi.Output<string>, topicArn: pulumi.Output<string>): void {
    const { contract, copy } = this.args;
    const rule = new cloudwatch.EventRule(
      `${this.name}-canary`,
      {
        name: `${copy.watchBus}-canary`,
        description: "The sign of life of the watch over the vaults; an alarm counts it",
        eventBusName,
        eventPattern: JSON.stringify({
          account: [contract.accountId],
          ...canaryPattern(contract, contract.canaryRole),
        }),
      },
      { parent: this },
    );
    new cloudwatch.MetricAlarm(
      `${this.name}-canary-missing`,
      {
        alarmDescription: describeAlarm(
          "copy-canary-missing",
          `The watch over the vaults of account ${contract.accountId} has sent no canary for ${SILENT_HOURS} h: its pages may not arrive either.`,
        ),
        namespace: "AWS/Events",
        metricName: "MatchedEvents",
        dimensions: { EventBusName: eventBusName, RuleName: rule.name },
        statistic: "Sum",
        comparisonOperator: "LessThanThreshold",
        threshold: 1,
        period: 3600,
        evaluationPeriods: SILENT_HOURS,
        datapointsToAlarm: SILENT_HOURS,
        // EventBridge reports no zeros. A new stack is in alarm until the first canary: that shows that its pages arrive.
        treatMissingData: "breaching",
        alarmActions: [topicArn],
        okActions: [topicArn],
      },
      { parent: this },
    );
  }
}
