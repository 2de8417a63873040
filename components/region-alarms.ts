/**
 * Declares the alarms of one region, which alarms/service-alarms.ts and alarms/backup-alarms.ts list. They are the same in
 * either role and don't know the epoch: a promotion must change nothing here. What differs between regions is what the metrics say.
 *
 * **Silence.** `LeaderSeen`, the healthy targets and the ages of backup and restore test are signs of life: no data
 * is the alarm. Every other metric comes from the same nodes, so its silence already raises an alarm and doesn't
 * count a second time.
 *
 * **A cold site** runs nothing while it is standby, and its silence is right; while it is active its
 * silence is a disaster. The desired capacity of the groups, how many
 * machines they ask AWS for, tells the two apart without the epoch. So on a cold site signs of life count only while a group wants machines
 * (`signOfLife`). On a warm or hot site machines always run, and a group at 0 is itself worth a page.
 *
 * **Paging.** Each paging alarm pages by itself. The composite tells `notify` and the runbooks how the
 * region is; if the composite paged, a disk at 90 % would keep it in ALARM and hide a lost leader.
 */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract, RegionContract } from "../settings/contract.js";
import type { RegionSettings } from "../settings/schema.js";
import { volumeBackupRuleArn } from "./access/volume-backup-policies.js";
import { AlarmTopics } from "./alarm-topics.js";
import { type BackupAlarmSettings, backupAlarmSpecs } from "./alarms/backup-alarms.js";
import { machineAlarmSpecs } from "./alarms/machine-alarms.js";
import { describeAlarm } from "./alarms/runbooks.js";
import {
  claimAlarmSpecs,
  clusterAlarmSpecs,
  diskAlarmSpecs,
  targetAlarmSpecs,
} from "./alarms/service-alarms.js";
import { type AlarmSpec, signOfLife } from "./alarms/spec.js";
import { watchTopicRules } from "./alarms/watched-calls.js";

export interface AlarmsArgs {
  readonly settings: Pick<RegionSettings, "name" | "contacts" | "promotion" | "images"> & BackupAlarmSettings;
  readonly contract: Contract;
  /** The region that is watched. */
  readonly region: RegionContract;
  /** KMS key of the topics, in this region. */
  readonly notificationsKeyArn: pulumi.Input<string>;
  /** `app/<name>/<id>`, as CloudWatch's dimension has it. */
  readonly loadBalancerArnSuffix: pulumi.Input<string>;
  /** `targetgroup/<name>/<id>`. */
  readonly targetGroupArnSuffix: pulumi.Input<string>;
  /**
   * Autoscaling groups of the voters and of the fleet; read on a cold site only. They must have
   * `enabledMetrics: ["GroupDesiredCapacity"]`.
   */
  readonly databaseGroupNames: readonly pulumi.Input<string>[];
  readonly fleetGroupName: pulumi.Input<string>;
}

export class Alarms extends pulumi.ComponentResource {
  readonly pageTopicArn: pulumi.Output<string>;
  readonly notifyTopicArn: pulumi.Output<string>;
  /** Name of the composite alarm. */
  readonly regionHealthAlarm: string;

  constructor(
    private readonly name: string,
    private readonly args: AlarmsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:alarms:Alarms", name, {}, opts);
    const { settings, contract, region, notificationsKeyArn } = args;
    const watch = watchTopicRules(contract, region.region, region.vpcName);
    const rulesArns = { ...watch, notify: [...watch.notify, volumeBackupRuleArn(contract, region)] };
    const topics = new AlarmTopics(
      `${name}-topics`,
      {
        contacts: settings.contacts,
        accountId: contract.accountId,
        region: region.region,
        rulesArns,
        notificationsKeyArn,
      },
      { parent: this },
    );
    const specs = [
      ...clusterAlarmSpecs(settings, contract),
      ...backupAlarmSpecs(settings, contract, region),
      ...targetAlarmSpecs({
        LoadBalancer: args.loadBalancerArnSuffix,
        TargetGroup: args.targetGroupArnSuffix,
      }),
      ...claimAlarmSpecs(settings, contract),
      ...diskAlarmSpecs(contract, region),
      ...machineAlarmSpecs(settings, contract),
    ];
    const alarms = specs.map((spec) => this.create(spec, topics.arns[spec.severity]));
    const paging = alarms.filter((_, i) => specs[i]?.severity === "page");

    this.regionHealthAlarm = `${settings.name}-region-health`;
    this.createRegionHealth(paging, topics.arns.notify);
    this.pageTopicArn = topics.arns.page;
    this.notifyTopicArn = topics.arns.notify;
    this.registerOutputs({ pageTopicArn: this.pageTopicArn, notifyTopicArn: this.notifyTopicArn });
  }

  private create(spec: AlarmSpec, topicArn: pulumi.Output<string>): cloudwatch.MetricAlarm {
    const groups = this.groupsThatMustWantMachines(spec);
    return new cloudwatch.MetricAlarm(
      [this.name, spec.alarm, spec.suffix].filter(Boolean).join("-"),
      {
        name: [this.args.region.vpcName, spec.alarm, spec.suffix].filter(Boolean).join("-"),
        alarmDescription: describeAlarm(spec.alarm, spec.summary),
        ...(groups.length > 0
          ? { metricQueries: signOfLife(spec, groups) }
          : { ...spec.metric, statistic: spec.statistic, period: spec.periodSeconds }),
        comparisonOperator: spec.breachesWhen,
        threshold: spec.threshold,
        evaluationPeriods: spec.periods,
        // All of them, also because CloudWatch's FILL may invent the newest point before it arrives.
        datapointsToAlarm: spec.periods,
        treatMissingData: spec.signOfLifeOf ? "breaching" : "notBreaching",
        alarmActions: [topicArn],
        okActions: [topicArn],
      },
      { parent: this },
    );
  }

  private groupsThatMustWantMachines({ signOfLifeOf }: AlarmSpec): readonly pulumi.Input<string>[] {
    const { settings, databaseGroupNames, fleetGroupName } = this.args;
    if (settings.site !== "cold") return [];
    switch (signOfLifeOf) {
      case "database":
        return databaseGroupNames;
      case "fleet":
        return [fleetGroupName];
      default:
        return [];
    }
  }

  private createRegionHealth(paging: cloudwatch.MetricAlarm[], topicArn: pulumi.Output<string>): void {
    new cloudwatch.CompositeAlarm(
      `${this.name}-region-health`,
      {
        alarmName: this.regionHealthAlarm,
        alarmDescription: describeAlarm("region-health", "Something in this region pages."),
        alarmRule: pulumi
          .all(paging.map(({ arn }) => arn))
          .apply((arns) => arns.map((arn) => `ALARM("${arn}")`).join(" OR ")),
        alarmActions: [topicArn],
        okActions: [topicArn],
      },
      { parent: this },
    );
  }
}
