/** Pages when a call touches the protection of a region's vault. `vault-events.ts` lists the calls. */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { RegionContract } from "../settings/contract.js";
import { describeAlarm } from "./alarms/runbooks.js";
import { type VaultEvents, vaultEventPatterns, vaultRulePrefix } from "./alarms/vault-events.js";

export interface VaultWatchArgs extends VaultEvents {
  readonly region: RegionContract;
  /** Its policy must let the rules of `vaultRulesArn` publish, and its key EventBridge encrypt. */
  readonly pageTopicArn: pulumi.Input<string>;
}

/**
 * The audit trail is what makes EventBridge see the calls: it records management events of every region, and data
 * events of the vaults (`audit.ts`).
 */
export class VaultWatch extends pulumi.ComponentResource {
  constructor(name: string, args: VaultWatchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:alarms:VaultWatch", name, {}, opts);
    const { region, pageTopicArn } = args;
    for (const [what, pattern] of Object.entries(vaultEventPatterns(region, args))) {
      const rule = new cloudwatch.EventRule(
        `${name}-${what}`,
        {
          name: `${vaultRulePrefix(region)}${what}`,
          description: "Calls that weaken the vault's protection, tried or done",
          eventPattern: JSON.stringify(pattern),
        },
        { parent: this },
      );
      new cloudwatch.EventTarget(
        `${name}-${what}-page`,
        {
          rule: rule.name,
          arn: pageTopicArn,
          inputTransformer: {
            inputPaths: {
              at: "$.time",
              call: "$.detail.eventName",
              who: "$.detail.userIdentity.arn",
              from: "$.detail.sourceIPAddress",
            },
            // One JSON string: EventBridge puts the values in.
            inputTemplate: JSON.stringify(
              describeAlarm(
                "vault-touched",
                `<call> at the vault ${region.vaultBucket} or its key, at <at>, by <who> from <from>.`,
              ),
            ),
          },
        },
        { parent: this },
      );
    }
    this.registerOutputs();
  }
}
