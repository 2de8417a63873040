/** Pages when a call touches what protects the backups, or the watch itself. `watched-calls.ts` lists the calls. */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as scheduler from "@pulumi/aws/scheduler/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { AlarmSeverity } from "./alarm-topics.js";
import { describeAlarm } from "./alarms/runbooks.js";
import {
  canaryPattern,
  canaryRule,
  type Watched,
  type WatchedIds,
  type WatchRule,
  watchRules,
} from "./alarms/watched-calls.js";

export interface WatchArgs {
  readonly contract: Contract;
  readonly settings: Pick<SharedSettings, "name" | "pipeline">;
  /** AWS region of the rules: CloudTrail's records reach EventBridge in the region of the call. */
  readonly region: string;
  /** Prefix of the names of rules and alarms. */
  readonly place: string;
  readonly watched: (ids: WatchedIds) => Watched[];
  readonly keyArns: readonly pulumi.Input<string>[];
  /** Their policies must let the rules of `watchRulesArn` publish, and their key EventBridge encrypt. */
  readonly topicArns: Readonly<Record<AlarmSeverity, pulumi.Input<string>>>;
}

/** Ids of the calls' own things are known to AWS alone; how many rules there are doesn't depend on them. */
const UNKNOWN: WatchedIds = { keyArns: [], topicArns: [] };

/**
 * The audit trail is what makes EventBridge see the calls: it records management events of every region, and data
 * events of the vaults and the claim table (`audit.ts`). A canary proves each hour that it does.
 *
 * A page goes to both topics: the loss of one subscription silences nothing. Where there is a copy in
 * another account, it goes to that account's event bus too, which no role of this account can change.
 */
export class Watch extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: WatchArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:alarms:Watch", name, {}, opts);
    const { contract, settings, place, watched, keyArns, topicArns } = args;
    const rules = (ids: WatchedIds) =>
      watchRules(watched(ids), place, contract, settings.pipeline.repository !== undefined);
    const known = pulumi.all([pulumi.all([...keyArns]), topicArns.page, topicArns.notify]);
    rules(UNKNOWN).forEach((rule, i) => {
      const pattern = known.apply(([keys, page, notify]) =>
        JSON.stringify(rules({ keyArns: keys, topicArns: [page, notify] })[i]?.pattern),
      );
      this.rule(rule, pattern);
    });
    this.canary();
    this.undelivered();
    this.registerOutputs();
  }

  private rule({ name, severity, watched }: WatchRule, eventPattern: pulumi.Output<string>): void {
    const { contract, place, topicArns } = this.args;
    const id = `${this.name}-${name.slice(place.length + 1)}`;
    const rule = new cloudwatch.EventRule(
      id,
      {
        name,
        description:
          severity === "page"
            ? `Calls that weaken ${watched.thing}, tried or done`
            : `What deployments of stack ${watched.deployedBy} change at ${watched.thing}`,
        eventPattern,
      },
      { parent: this },
    );
    const topics: readonly AlarmSeverity[] = severity === "page" ? ["page", "notify"] : ["notify"];
    for (const topic of topics) {
      new cloudwatch.EventTarget(
        `${id}-to-${topic}`,
        { rule: rule.name, targetId: topic, arn: topicArns[topic], inputTransformer: words(watched) },
        { parent: this },
      );
    }
    if (severity === "page") tellTheOtherAccount(this, id, rule, contract);
  }

  /**
   * A harmless call that CloudTrail records as a change: a tag that the rule has already. Each hour it goes through the trail
   * and EventBridge, as a page would; the rule counts it, and an alarm misses it. It must be a real call: an event that a
   * program sends would also arrive while the trail is stopped.
   */
  private canary(): void {
    const { contract, settings, region, place } = this.args;
    const name = canaryRule(place);
    const rule = new cloudwatch.EventRule(
      `${this.name}-canary`,
      {
        name,
        description: "The canary's call of each hour; an alarm misses it",
        eventPattern: JSON.stringify(canaryPattern(contract, contract.canaryRole)),
      },
      { parent: this },
    );
    tellTheOtherAccount(this, `${this.name}-canary`, rule, contract);
    new scheduler.Schedule(
      `${this.name}-canary`,
      {
        name,
        description: "Makes a call that the watch must see",
        scheduleExpression: "rate(1 hour)",
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn: "arn:aws:scheduler:::aws-sdk:eventbridge:tagResource",
          roleArn: `arn:aws:iam::${contract.accountId}:role/${contract.canaryRole}`,
          input: JSON.stringify({
            ResourceARN: `arn:aws:events:${region}:${contract.accountId}:rule/${name}`,
            // The rule's own tag, with its own value: the call changes nothing.
            Tags: [{ Key: "project", Value: settings.name }],
          }),
          retryPolicy: { maximumEventAgeInSeconds: 900, maximumRetryAttempts: 5 },
        },
      },
      { parent: this, dependsOn: rule },
    );
    new cloudwatch.MetricAlarm(
      `${this.name}-silent`,
      {
        name: `${place}-watch-silent`,
        alarmDescription: describeAlarm(
          "watch-silent",
          `An attack on the backups would cause no page: for ${CANARY_HOURS} h the watch saw no call in ${region}.`,
        ),
        namespace: "AWS/Events",
        metricName: "MatchedEvents",
        dimensions: { RuleName: rule.name },
        statistic: "Sum",
        comparisonOperator: "LessThanThreshold",
        threshold: 1,
        period: 3600,
        evaluationPeriods: CANARY_HOURS,
        datapointsToAlarm: CANARY_HOURS,
        treatMissingData: "breaching",
        alarmActions: [this.args.topicArns.page, this.args.topicArns.notify],
        okActions: [this.args.topicArns.page, this.args.topicArns.notify],
      },
      { parent: this },
    );
  }

  /** A pager's address that answers no more. Told by the other topic. */
  private undelivered(): void {
    const { place, topicArns } = this.args;
    new cloudwatch.MetricAlarm(
      `${this.name}-undelivered`,
      {
        name: `${place}-pages-undelivered`,
        alarmDescription: describeAlarm("pages-undelivered", "Pages don't arrive: SNS couldn't deliver one."),
        namespace: "AWS/SNS",
        metricName: "NumberOfNotificationsFailed",
        dimensions: {
          TopicName: pulumi.output(topicArns.page).apply((arn) => arn.split(":").at(-1) as string),
        },
        statistic: "Sum",
        comparisonOperator: "GreaterThanThreshold",
        threshold: 0,
        period: 300,
        evaluationPeriods: 1,
        datapointsToAlarm: 1,
        treatMissingData: "notBreaching",
        alarmActions: [topicArns.notify],
        okActions: [topicArns.notify],
      },
      { parent: this },
    );
  }
}

/** Hours without a canary until it pages. CloudTrail's records may be a quarter of an hour late. */
const CANARY_HOURS = 3;

const words = ({ alarm, thing }: Watched) => ({
  inputPaths: {
    at: "$.time",
    call: "$.detail.eventName",
    who: "$.detail.userIdentity.arn",
    from: "$.detail.sourceIPAddress",
  },
  // One JSON string: EventBridge puts the values in.
  inputTemplate: JSON.stringify(describeAlarm(alarm, `<call> at ${thing}, at <at>, by <who> from <from>.`)),
});

/** What a rule saw, as CloudTrail recorded it: the other account's own rules word it. Nothing without such an account. */
export function tellTheOtherAccount(
  parent: pulumi.Resource,
  id: string,
  rule: cloudwatch.EventRule,
  { accountId, copy, watchBusRole }: Contract,
): void {
  // Rules reach a bus of any region.
  if (!copy) return;
  new cloudwatch.EventTarget(
    `${id}-to-copy`,
    {
      rule: rule.name,
      targetId: "copy",
      arn: copy.watchBusArn,
      roleArn: `arn:aws:iam::${accountId}:role/${watchBusRole}`,
    },
    { parent },
  );
}
