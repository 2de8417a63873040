/**
 * The machine that proves a region's vault: on schedule it comes, restores the newest backup, reports and goes. It is
 * the same in either role, and on a cold site it is how the copies there are known to be of use.
 *
 * It comes because a schedule raises its autoscaling group from 0 to 1, and goes because it lowers the group itself
 * once its report is in the vault. One that hangs can't be relied on to do so: an alarm on the group's own metric sees
 * that it has wanted a machine for longer than any test may take, ends it by a scaling policy and tells people.
 */
import * as autoscaling from "@pulumi/aws/autoscaling/index.js";
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as scheduler from "@pulumi/aws/scheduler/index.js";
import * as vpc from "@pulumi/aws/vpc/index.js";
import * as pulumi from "@pulumi/pulumi";
import { renderRestoreUserData } from "../nodes/render/user-data.js";
import type { Contract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { describeAlarm } from "./alarms/runbooks.js";
import { GROUP_METRICS, machine } from "./machine.js";

export interface RestoreTestArgs {
  /** `restoreTest.everyHours` must be above 0. */
  readonly settings: SharedSettings;
  readonly contract: Contract;
  /** Which of the two regions to build. */
  readonly region: RegionId;
  readonly vpcId: pulumi.Input<string>;
  /** Data subnets; any of them will do. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** KMS key in this region for all disks. */
  readonly dataKeyArn: pulumi.Input<string>;
  /** Who hears of a machine that had to be ended. */
  readonly notifyTopicArn: pulumi.Input<string>;
}

/** Where the scratch volume is attached; the machine finds its file system's place by it. */
const SCRATCH_DEVICE = "/dev/sdf";

/** For the boot before a test and the report after it. */
const AROUND_A_TEST_SECONDS = 1800;

export class RestoreTest extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: RestoreTestArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:restore:RestoreTest", name, {}, opts);
    const group = this.createGroup(this.createLaunchTemplate(this.createSecurityGroup()));
    this.callOnSchedule(group);
    this.endWhatHangs(group);
    this.registerOutputs({});
  }

  /** It calls only AWS, and accepts no connection. */
  private createSecurityGroup(): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(
      this.name,
      { vpcId: this.args.vpcId, description: "Restore machine", tags: { Name: this.name } },
      { parent: this },
    );
    new vpc.SecurityGroupEgressRule(
      `${this.name}-to-aws`,
      {
        securityGroupId: group.id,
        description: "AWS APIs",
        cidrIpv4: "0.0.0.0/0",
        ipProtocol: "tcp",
        fromPort: 443,
        toPort: 443,
      },
      { parent: this },
    );
    return group;
  }

  /** A database node's size and disk, so that what is measured is what a restore would take. */
  private createLaunchTemplate(securityGroup: ec2.SecurityGroup): ec2.LaunchTemplate {
    const { settings, contract, region: id, dataKeyArn } = this.args;
    const { restoreNode, restoreRole } = contract[id];
    const { instanceType, volumeGib, volumeIops, volumeThroughputMibps } = settings.database;
    return new ec2.LaunchTemplate(
      `${this.name}-template`,
      {
        ...machine({
          settings,
          name: restoreNode,
          instanceType,
          image: settings.images[id].database,
          instanceProfile: restoreRole,
          dataKeyArn,
          userData: renderRestoreUserData(settings, contract, id),
          scratch: {
            deviceName: SCRATCH_DEVICE,
            gib: volumeGib,
            iops: volumeIops,
            throughputMibps: volumeThroughputMibps,
          },
        }),
        description: "Restore machine",
        vpcSecurityGroupIds: [securityGroup.id],
      },
      { parent: this },
    );
  }

  private createGroup(template: ec2.LaunchTemplate): autoscaling.Group {
    const { restoreNode } = this.args.contract[this.args.region];
    return new autoscaling.Group(
      `${this.name}-group`,
      {
        name: restoreNode,
        // No desired capacity: an `up` in the middle of a test must not end it.
        minSize: 0,
        maxSize: 1,
        vpcZoneIdentifiers: [...this.args.subnetIds],
        launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
        healthCheckType: "EC2",
        enabledMetrics: [...GROUP_METRICS],
        waitForCapacityTimeout: "0",
        tags: [{ key: "Name", value: restoreNode, propagateAtLaunch: false }],
      },
      { parent: this },
    );
  }

  private callOnSchedule(group: autoscaling.Group): void {
    const { settings, contract, region } = this.args;
    const { restoreNode, restoreScheduleRole } = contract[region];
    new scheduler.Schedule(
      `${this.name}-begin`,
      {
        name: `${restoreNode}-begin`,
        description: "Calls the restore machine",
        scheduleExpression: `rate(${settings.restoreTest.everyHours} hours)`,
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn: "arn:aws:scheduler:::aws-sdk:autoscaling:setDesiredCapacity",
          roleArn: `arn:aws:iam::${contract.accountId}:role/${restoreScheduleRole}`,
          input: pulumi.jsonStringify({ AutoScalingGroupName: group.name, DesiredCapacity: 1 }),
          // A call that comes an hour late is still a test; one of yesterday would only meet today's.
          retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 20 },
        },
      },
      { parent: this },
    );
  }

  private endWhatHangs(group: autoscaling.Group): void {
    const seconds = this.args.settings.restoreTest.maxSeconds + AROUND_A_TEST_SECONDS;
    // CloudWatch looks back a day in periods of minutes, a week in periods of an hour.
    const period = seconds <= 86_400 ? 300 : 3600;
    const periods = Math.ceil(seconds / period);
    const end = new autoscaling.Policy(
      `${this.name}-end`,
      {
        autoscalingGroupName: group.name,
        policyType: "SimpleScaling",
        adjustmentType: "ExactCapacity",
        scalingAdjustment: 0,
      },
      { parent: this },
    );
    new cloudwatch.MetricAlarm(
      `${this.name}-hangs`,
      {
        name: `${this.args.contract[this.args.region].vpcName}-restore-machine-hangs`,
        alarmDescription: describeAlarm(
          "restore-machine-hangs",
          `The restore machine still ran after ${(periods * period) / 60} min and is being ended.`,
        ),
        namespace: "AWS/AutoScaling",
        metricName: "GroupDesiredCapacity",
        dimensions: { AutoScalingGroupName: group.name },
        statistic: "Minimum",
        comparisonOperator: "GreaterThanThreshold",
        threshold: 0,
        period,
        evaluationPeriods: periods,
        datapointsToAlarm: periods,
        treatMissingData: "notBreaching",
        alarmActions: [end.arn, this.args.notifyTopicArn],
      },
      { parent: this },
    );
  }
}
