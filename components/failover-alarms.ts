/**
 * Alarms on the failover health checks: does exactly one region take writes? Route 53 publishes the state
 * of health checks in us-east-1 only, so alarms and topics live there, and are gone when it is; nothing
 * that moves traffic depends on them.
 */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as pulumi from "@pulumi/pulumi";
import { HEALTH_METRICS_REGION } from "../settings/contract.js";
import type { Contact } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { AlarmTopics } from "./alarm-topics.js";
import { type AlarmName, describeAlarm } from "./alarms/runbooks.js";
import { watchTopicRules } from "./alarms/watched-calls.js";

export interface FailoverAlarmsArgs {
  /** Prefix of every name of the project. */
  readonly prefix: string;
  readonly contacts: readonly Contact[];
  readonly accountId: string;
  /** Each region's failover health check. */
  readonly healthCheckIds: Readonly<Record<RegionId, pulumi.Input<string>>>;
  /** KMS key in us-east-1 that CloudWatch may use. */
  readonly notificationsKeyArn: pulumi.Input<string>;
}

/** Both alarms page. The provider must be one of us-east-1. */
export class FailoverAlarms extends pulumi.ComponentResource {
  readonly pageTopicArn: pulumi.Output<string>;
  readonly notifyTopicArn: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: FailoverAlarmsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:alarms:FailoverAlarms", name, {}, opts);
    const { prefix, contacts, accountId, notificationsKeyArn } = args;
    const topics = new AlarmTopics(
      `${name}-topics`,
      {
        contacts,
        accountId,
        region: HEALTH_METRICS_REGION,
        rulesArns: watchTopicRules({ accountId }, HEALTH_METRICS_REGION, prefix),
        notificationsKeyArn,
      },
      { parent: this },
    );
    this.pageTopicArn = topics.arns.page;
    this.notifyTopicArn = topics.arns.notify;
    this.activeRegions("no-region-active", "LessThanThreshold", 3, "No region takes writes.");
    // Two minutes: in a planned move the old region's check needs up to 30 s to notice that it closed.
    this.activeRegions("two-regions-active", "GreaterThanThreshold", 2, "Both regions say they take writes.");
    this.registerOutputs({ pageTopicArn: this.pageTopicArn });
  }

  /** Alarms when the number of active regions isn't one. */
  private activeRegions(
    alarm: AlarmName,
    comparisonOperator: "LessThanThreshold" | "GreaterThanThreshold",
    minutes: number,
    summary: string,
  ): void {
    const status = (id: RegionId) => ({
      id,
      metric: {
        namespace: "AWS/Route53",
        metricName: "HealthCheckStatus",
        dimensions: { HealthCheckId: this.args.healthCheckIds[id] },
        stat: "Minimum",
        period: 60,
      },
      returnData: false,
    });
    new cloudwatch.MetricAlarm(
      `${this.name}-${alarm}`,
      {
        name: `${this.args.prefix}-${alarm}`,
        alarmDescription: describeAlarm(alarm, summary),
        metricQueries: [
          { id: "active", expression: "home + recovery", label: "active regions", returnData: true },
          status("home"),
          status("recovery"),
        ],
        comparisonOperator,
        threshold: 1,
        evaluationPeriods: minutes,
        datapointsToAlarm: minutes,
        // Health checks report every minute; silence says nothing good about who takes writes, and nothing
        // about two regions taking them.
        treatMissingData: alarm === "no-region-active" ? "breaching" : "notBreaching",
        alarmActions: [this.pageTopicArn],
        okActions: [this.pageTopicArn],
      },
      { parent: this },
    );
  }
}
