/** Pages when somebody becomes the break-glass role, through one region's STS. */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract } from "../settings/contract.js";
import { breakGlassPattern, breakGlassRule } from "./alarms/break-glass-events.js";
import { describeAlarm } from "./alarms/runbooks.js";
import { tellTheOtherAccount } from "./watch.js";

export interface BreakGlassWatchArgs {
  readonly contract: Contract;
  /** AWS region of the rule and of the topic. */
  readonly region: string;
  /** Prefix of the names of rules there. */
  readonly place: string;
  /** Its policy must let the rules of `watchRulesArn` publish, and its key EventBridge encrypt. */
  readonly pageTopicArn: pulumi.Input<string>;
}

export class BreakGlassWatch extends pulumi.ComponentResource {
  constructor(name: string, args: BreakGlassWatchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:alarms:BreakGlassWatch", name, {}, opts);
    const { contract, region, place, pageTopicArn } = args;
    const rule = new cloudwatch.EventRule(
      `${name}-used`,
      {
        name: breakGlassRule(place),
        description: "Somebody becomes the break-glass role, or tries to",
        eventPattern: JSON.stringify(breakGlassPattern(contract)),
      },
      { parent: this },
    );
    new cloudwatch.EventTarget(
      `${name}-used-page`,
      {
        rule: rule.name,
        arn: pageTopicArn,
        inputTransformer: {
          inputPaths: {
            at: "$.time",
            call: "$.detail.eventName",
            who: "$.detail.userIdentity.arn",
            name: "$.detail.requestParameters.sourceIdentity",
            from: "$.detail.sourceIPAddress",
            error: "$.detail.errorCode",
          },
          // One JSON string: EventBridge puts the values in, and nothing for a field that isn't there.
          inputTemplate: JSON.stringify(
            describeAlarm(
              "break-glass-used",
              `<name> <who> became ${contract.personRole("break-glass")} in ${region} by <call>, at <at>, from <from> <error>.`,
            ),
          ),
        },
      },
      { parent: this },
    );
    tellTheOtherAccount(this, `${name}-used`, rule, contract);
    this.registerOutputs();
  }
}
