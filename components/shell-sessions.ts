/** The one way in which people open a shell on a region's machines, and what they did there. */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as ssm from "@pulumi/aws/ssm/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract } from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";
import { PERSON_SESSION_SECONDS } from "./access/people-trust.js";

export interface ShellSessionsArgs {
  readonly contract: Pick<Contract, RegionId | "shellDocument">;
  readonly region: RegionId;
  /** KMS key of the transcripts, in this region. */
  readonly dataKeyArn: pulumi.Input<string>;
  /** Days for which transcripts are kept at least: as long as the audit trail. */
  readonly retentionDays: number;
}

/**
 * They belong to stack `global`, which a person deploys: the pipeline has no right to either. The document's switch
 * `cloudWatchEncryptionEnabled` also makes the agent refuse a shell where it can't see the group or the group has no key.
 */
export class ShellSessions extends pulumi.ComponentResource {
  constructor(
    name: string,
    { contract, region, dataKeyArn, retentionDays }: ShellSessionsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:access:ShellSessions", name, {}, opts);
    const { sessionLogGroup } = contract[region];
    const transcripts = new cloudwatch.LogGroup(
      `${name}-transcripts`,
      {
        name: sessionLogGroup,
        kmsKeyId: dataKeyArn,
        retentionInDays: retentionOf(retentionDays),
        deletionProtectionEnabled: true,
      },
      { parent: this, protect: true },
    );
    new ssm.Document(
      `${name}-shell`,
      {
        name: contract.shellDocument,
        documentType: "Session",
        documentFormat: "JSON",
        content: transcripts.name.apply(shell),
      },
      { parent: this, protect: true },
    );
    this.registerOutputs();
  }
}

/**
 * As text: Systems Manager takes these numbers as strings. The shell is user ssm-user's, who may use sudo.
 * Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html
 */
const shell = (sessionLogGroup: string): string =>
  JSON.stringify({
    schemaVersion: "1.0",
    description: "A shell whose transcript is kept",
    sessionType: "Standard_Stream",
    inputs: {
      cloudWatchLogGroupName: sessionLogGroup,
      cloudWatchEncryptionEnabled: true,
      // While the shell is open: who ends the agent loses nothing that was seen before.
      cloudWatchStreamingEnabled: true,
      s3EncryptionEnabled: true,
      runAsEnabled: false,
      idleSessionTimeout: "20",
      maxSessionDuration: `${PERSON_SESSION_SECONDS / 60}`,
    },
  });

/** Numbers of days that CloudWatch takes, from the shortest useful one on. */
const RETENTIONS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
/** @returns 0 for ever */
const retentionOf = (days: number): number => RETENTIONS.find((each) => each >= days) ?? 0;
