/**
 * The alarms of one region; those on its backups are in backup-alarms.ts. They are the same in either role and
 * don't know the epoch: a promotion must change nothing here. What differs between regions is what the metrics say.
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
import { type AlarmSeverity, AlarmTopics } from "./alarm-topics.js";
import { type BackupAlarmSettings, backupAlarmSpecs } from "./alarms/backup-alarms.js";
import { METRICS, type MetricDefinition, nodeDimensions } from "./alarms/metrics.js";
import { describeAlarm } from "./alarms/runbooks.js";
import { type AlarmSpec, type Metric, signOfLife } from "./alarms/spec.js";
import { vaultRulesArn } from "./alarms/vault-events.js";

export interface AlarmsArgs {
  readonly settings: Pick<RegionSettings, "name" | "contacts" | "promotion"> & BackupAlarmSettings;
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

/** A volume grows online in minutes, but WAL of a stuck archive can fill the last tenth within the hour. */
const DISK_PERCENT = { notify: 80, page: 90 } as const;

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
    const topics = new AlarmTopics(
      `${name}-topics`,
      {
        contacts: settings.contacts,
        accountId: contract.accountId,
        region: region.region,
        rulesArn: {
          page: vaultRulesArn(contract, region),
          notify: volumeBackupRuleArn(contract, region),
        },
        notificationsKeyArn,
      },
      { parent: this },
    );
    const specs = [
      this.noLeader(),
      ...this.lag(),
      ...backupAlarmSpecs(settings, contract, region),
      ...this.targets(),
      this.claimLease(),
      ...this.disks(),
    ];
    const alarms = specs.map((spec) => this.create(spec, topics.arns[spec.severity]));
    const paging = alarms.filter((_, i) => specs[i]?.severity === "page");

    this.regionHealthAlarm = `${settings.name}-region-health`;
    this.createRegionHealth(paging, topics.arns.notify);
    this.pageTopicArn = topics.arns.page;
    this.notifyTopicArn = topics.arns.notify;
    this.registerOutputs({ pageTopicArn: this.pageTopicArn, notifyTopicArn: this.notifyTopicArn });
  }

  /** Three minutes: an election takes seconds, so this is one that didn't succeed. */
  private noLeader(): AlarmSpec {
    return {
      alarm: "no-leader",
      severity: "page",
      summary: "No guard of this region has seen a leader for three minutes, or no guard runs.",
      metric: this.own(METRICS.leaderSeen),
      // One guard that sees a leader is enough.
      statistic: "Maximum",
      breachesWhen: "LessThanThreshold",
      threshold: 1,
      periodSeconds: 60,
      periods: 3,
      signOfLifeOf: "database",
    };
  }

  private lag(): AlarmSpec[] {
    const { lagBudgetSeconds } = this.args.settings.promotion;
    const common = {
      statistic: "Maximum",
      breachesWhen: "GreaterThanThreshold",
      threshold: lagBudgetSeconds,
      periodSeconds: 60,
      periods: 5,
    } as const;
    return [
      {
        ...common,
        alarm: "replication-lag",
        severity: "notify",
        summary: `A replica of this region is more than ${lagBudgetSeconds} s behind its leader.`,
        metric: this.own(METRICS.replicationLagSeconds),
      },
      {
        ...common,
        alarm: "cross-region-lag",
        // An unplanned promotion would be refused with this much lag: the recovery region is no use now.
        severity: "page",
        summary: `This region is more than ${lagBudgetSeconds} s behind the active one; an unplanned promotion would be refused.`,
        metric: this.own(METRICS.crossRegionLagSeconds),
      },
    ];
  }

  private targets(): AlarmSpec[] {
    const metric = (metricName: string): Metric => ({
      namespace: "AWS/ApplicationELB",
      metricName,
      dimensions: {
        LoadBalancer: this.args.loadBalancerArnSuffix,
        TargetGroup: this.args.targetGroupArnSuffix,
      },
    });
    return [
      {
        alarm: "unhealthy-targets",
        // The autoscaling group replaces a sick server by itself; five minutes later it should have.
        severity: "notify",
        summary: "A Tomcat server has been unhealthy for five minutes.",
        metric: metric("UnHealthyHostCount"),
        statistic: "Maximum",
        breachesWhen: "GreaterThanThreshold",
        threshold: 0,
        periodSeconds: 60,
        periods: 5,
      },
      {
        alarm: "no-healthy-targets",
        severity: "page",
        summary: "No Tomcat server of this region is healthy.",
        // Not reported at all while the target group is empty.
        metric: metric("HealthyHostCount"),
        statistic: "Maximum",
        breachesWhen: "LessThanThreshold",
        threshold: 1,
        periodSeconds: 60,
        periods: 3,
        signOfLifeOf: "fleet",
      },
    ];
  }

  /** Half the lease gone on the guard that read last: none of them reaches the claims any more. */
  private claimLease(): AlarmSpec {
    const { leaseSeconds } = this.args.settings.promotion;
    return {
      alarm: "claim-lease-lapsing",
      severity: "page",
      summary: `No guard has read the claims for ${leaseSeconds / 2} s; after ${leaseSeconds} s an active region fences itself.`,
      metric: this.own(METRICS.claimReadAgeSeconds),
      statistic: "Minimum",
      breachesWhen: "GreaterThanThreshold",
      threshold: leaseSeconds / 2,
      periodSeconds: 60,
      periods: 2,
    };
  }

  private disks(): AlarmSpec[] {
    const spec = (node: string, severity: AlarmSeverity, suffix: string): AlarmSpec => ({
      alarm: severity === "page" ? "disk-nearly-full" : "disk-filling",
      severity,
      summary: `The data volume of ${node} is ${DISK_PERCENT[severity]} % full or more.`,
      metric: this.own(METRICS.dataVolumeUsedPercent, node),
      statistic: "Maximum",
      breachesWhen: "GreaterThanOrEqualToThreshold",
      threshold: DISK_PERCENT[severity],
      periodSeconds: 300,
      periods: severity === "page" ? 1 : 3,
      suffix,
    });
    const { databaseNodes, readReplicas } = this.args.region;
    return [
      ...databaseNodes.map(({ name }, i) => ({ name, suffix: `${i + 1}` })),
      ...readReplicas.map(({ name }, i) => ({ name, suffix: `read-${i + 1}` })),
    ].flatMap(({ name, suffix }) => [spec(name, "notify", suffix), spec(name, "page", suffix)]);
  }

  private own(metric: MetricDefinition, node?: string): Metric {
    return {
      namespace: this.args.contract.metricNamespace,
      metricName: metric.name,
      ...(node !== undefined && { dimensions: nodeDimensions(node) }),
    };
  }

  private create(spec: AlarmSpec, topicArn: pulumi.Output<string>): cloudwatch.MetricAlarm {
    const groups = this.groupsThatMustWantMachines(spec);
    return new cloudwatch.MetricAlarm(
      [this.name, spec.alarm, spec.suffix].filter(Boolean).join("-"),
      {
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
