/**
 * AWS Backup of a region's data volumes: a second line that shares nothing with pgBackRest, neither program nor
 * repository nor passphrase. A snapshot a day of each voter's volume, consistent as after a power cut, which PostgreSQL
 * recovers from; kept in a locked vault, copied into the other region's, and restored now and then by AWS itself.
 *
 * The vaults and the role are `global`'s, so that nothing here calls another region: the other region's vault has a
 * derived name, and AWS does the copying.
 */
import * as backup from "@pulumi/aws/backup/index.js";
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as pulumi from "@pulumi/pulumi";
import { type Contract, NODE_TAG, otherRegion } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { volumeBackupRule, volumeVaultArn } from "./access/volume-backup-policies.js";
import { describeAlarm } from "./alarms/runbooks.js";
import { restoreTestCron, volumeBackupCron } from "./volume-backup-schedule.js";

export interface VolumeBackupArgs {
  readonly settings: Pick<SharedSettings, "backup" | "volumeBackup">;
  readonly contract: Contract;
  /** Which of the two regions to build. */
  readonly region: RegionId;
  /** Who hears of jobs that failed. */
  readonly notifyTopicArn: pulumi.Input<string>;
}

/** Time to begin, and time to end; one that isn't done by then has failed. */
const START_MINUTES = 60;
const COMPLETION_MINUTES = 720;

export class VolumeBackup extends pulumi.ComponentResource {
  private readonly roleArn: string;

  constructor(
    private readonly name: string,
    private readonly args: VolumeBackupArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:restore:VolumeBackup", name, {}, opts);
    const { contract, region, settings } = args;
    this.roleArn = `arn:aws:iam::${contract.accountId}:role/${contract[region].volumeBackupRole}`;
    this.select(this.createPlan());
    if (settings.volumeBackup.restoreTestDays > 0) this.testRestores(settings.volumeBackup.restoreTestDays);
    this.tellOfFailures();
    this.registerOutputs();
  }

  private createPlan(): backup.Plan {
    const { settings, contract, region } = this.args;
    const lifecycle = { deleteAfter: settings.volumeBackup.keepDays };
    return new backup.Plan(
      `${this.name}-plan`,
      {
        rules: [
          {
            ruleName: "daily",
            targetVaultName: contract[region].volumeVault,
            schedule: volumeBackupCron(settings.backup.fullHourUtc),
            startWindow: START_MINUTES,
            completionWindow: COMPLETION_MINUTES,
            lifecycle,
            copyActions: [
              {
                destinationVaultArn: volumeVaultArn(contract, contract[otherRegion(region)]),
                lifecycle,
              },
            ],
          },
        ],
      },
      { parent: this },
    );
  }

  /** Volumes only: instances carry the tag too. */
  private select(plan: backup.Plan): void {
    const { contract, region } = this.args;
    new backup.Selection(
      `${this.name}-voters`,
      {
        name: "voters",
        planId: plan.id,
        iamRoleArn: this.roleArn,
        resources: ["arn:aws:ec2:*:*:volume/*"],
        conditions: [
          {
            stringLikes: [{ key: `aws:ResourceTag/${NODE_TAG}`, value: `${contract[region].vpcName}-db-*` }],
          },
        ],
      },
      { parent: this },
    );
  }

  /** AWS restores one recovery point to a volume that nothing attaches, and deletes it an hour later. */
  private testRestores(everyDays: number): void {
    const { settings, contract, region } = this.args;
    const plan = new backup.RestoreTestingPlan(
      `${this.name}-restore-test`,
      {
        // Letters, digits and _ only.
        name: contract[region].volumeVault.replaceAll("-", "_"),
        scheduleExpression: restoreTestCron(everyDays, settings.backup.fullHourUtc),
        startWindowHours: START_MINUTES / 60,
        recoveryPointSelection: {
          algorithm: "LATEST_WITHIN_WINDOW",
          includeVaults: [volumeVaultArn(contract, contract[region])],
          recoveryPointTypes: ["SNAPSHOT"],
          selectionWindowDays: settings.volumeBackup.keepDays,
        },
      },
      { parent: this },
    );
    new backup.RestoreTestingSelection(
      `${this.name}-restore-test-volumes`,
      {
        name: "volumes",
        restoreTestingPlanName: plan.name,
        iamRoleArn: this.roleArn,
        protectedResourceType: "EBS",
        protectedResourceArns: ["*"],
        validationWindowHours: 1,
      },
      { parent: this },
    );
  }

  private tellOfFailures(): void {
    const { contract, region, notifyTopicArn } = this.args;
    const rule = new cloudwatch.EventRule(
      `${this.name}-failed`,
      {
        name: volumeBackupRule(contract[region]),
        description: "AWS Backup jobs that failed",
        eventPattern: JSON.stringify({
          source: ["aws.backup"],
          "detail-type": ["Backup Job State Change", "Copy Job State Change", "Restore Job State Change"],
          // A backup job has a state, a restore job a status.
          $or: [
            { detail: { state: ["ABORTED", "EXPIRED", "FAILED"] } },
            { detail: { status: ["ABORTED", "FAILED"] } },
          ],
        }),
      },
      { parent: this },
    );
    new cloudwatch.EventTarget(
      `${this.name}-failed-notify`,
      {
        rule: rule.name,
        arn: notifyTopicArn,
        inputTransformer: {
          inputPaths: { at: "$.time", what: "$.detail-type", why: "$.detail.statusMessage" },
          inputTemplate: JSON.stringify(
            describeAlarm(
              "volume-backup-failed",
              `<what> of AWS Backup in ${contract[region].region} at <at>: it didn't end well (<why>).`,
            ),
          ),
        },
      },
      { parent: this },
    );
  }
}
