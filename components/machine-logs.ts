/** Where a region's machines write their logs: a group for each kind, because the role of one kind may write to no other. */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as pulumi from "@pulumi/pulumi";
import { MACHINE_KINDS, type RegionContract } from "../settings/contract.js";
import type { RegionSettings } from "../settings/schema.js";

export interface MachineLogsArgs {
  readonly settings: Pick<RegionSettings, "logs" | "restoreTest">;
  readonly region: RegionContract;
  /** KMS key of the groups, in this region. */
  readonly dataKeyArn: pulumi.Input<string>;
}

/** Machines can't create a group: one of their making would have neither retention nor key. */
export class MachineLogs extends pulumi.ComponentResource {
  constructor(
    name: string,
    { settings, region, dataKeyArn }: MachineLogsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:logs:MachineLogs", name, {}, opts);
    for (const kind of MACHINE_KINDS) {
      if (kind === "restore" && settings.restoreTest.everyHours === 0) continue;
      new cloudwatch.LogGroup(
        `${name}-${kind}`,
        {
          name: region.logGroups[kind],
          retentionInDays: settings.logs.retentionDays,
          kmsKeyId: dataKeyArn,
        },
        { parent: this },
      );
    }
    this.registerOutputs();
  }
}
