/**
 * A password that opens nothing, beside those that do, and in the state, where they are not. A thief tries
 * what looks worth most; each read of this one pages.
 */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as secretsmanager from "@pulumi/aws/secretsmanager/index.js";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { Contract, RegionContract } from "../settings/contract.js";
import { decoyEventPattern, decoyRuleName } from "./alarms/decoy-events.js";
import { describeAlarm } from "./alarms/runbooks.js";
import { RECOVERY_WINDOW_DAYS } from "./credentials.js";
import { tellTheOtherAccount } from "./watch.js";

export interface DecoyArgs {
  readonly contract: Contract;
  readonly home: pulumi.ProviderResource;
  readonly random: pulumi.ProviderResource;
  /** Data key of the home region. */
  readonly keyArn: pulumi.Input<string>;
  /** Data key of the recovery region. */
  readonly replicaKeyArn: pulumi.Input<string>;
}

/** The decoy, with its copy in the recovery region. Stack `global`. */
export class Decoy extends pulumi.ComponentResource {
  constructor(name: string, args: DecoyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:decoy:Decoy", name, {}, opts);
    const { contract, home, keyArn, replicaKeyArn } = args;
    const password = new random.RandomPassword(
      `${name}-value`,
      { length: 48, special: false },
      { parent: this, provider: args.random },
    );
    const secret = new secretsmanager.Secret(
      name,
      {
        name: contract.decoySecret,
        // What a thief should believe. The code and the runbook say what it is.
        description: "Administrator's login",
        kmsKeyId: keyArn,
        recoveryWindowInDays: RECOVERY_WINDOW_DAYS,
        replicas: [{ region: contract.recovery.region, kmsKeyId: replicaKeyArn }],
      },
      { parent: this, provider: home, protect: true },
    );
    new secretsmanager.SecretVersion(
      `${name}-version`,
      {
        secretId: secret.id,
        // Write-only: any other way the provider reads the value at each refresh, which would page.
        secretStringWo: pulumi.jsonStringify({ username: "admin", password: password.result }),
        secretStringWoVersion: 1,
      },
      { parent: this, provider: home },
    );
    this.registerOutputs();
  }
}

export interface DecoyWatchArgs {
  readonly contract: Contract;
  readonly region: RegionContract;
  /** Its policy must let the rules of `watchRulesArn` publish, and its key EventBridge encrypt. */
  readonly pageTopicArn: pulumi.Input<string>;
}

/** Pages when somebody reads the decoy in this region. Stacks `prod` and `dr`. */
export class DecoyWatch extends pulumi.ComponentResource {
  constructor(name: string, args: DecoyWatchArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:decoy:DecoyWatch", name, {}, opts);
    const { contract, region, pageTopicArn } = args;
    const rule = new cloudwatch.EventRule(
      name,
      {
        name: decoyRuleName(region),
        description: "Reads of the decoy secret, done or refused",
        // An ordinary rule gets no read-only calls.
        state: "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        eventPattern: JSON.stringify(decoyEventPattern(contract)),
      },
      { parent: this },
    );
    new cloudwatch.EventTarget(
      `${name}-page`,
      {
        rule: rule.name,
        arn: pageTopicArn,
        inputTransformer: {
          inputPaths: {
            at: "$.time",
            who: "$.detail.userIdentity.arn",
            from: "$.detail.sourceIPAddress",
          },
          // One JSON string: EventBridge puts the values in.
          inputTemplate: JSON.stringify(
            describeAlarm(
              "decoy-read",
              `The decoy ${contract.decoySecret} was read in ${region.region} at <at>, by <who> from <from>: somebody looks for passwords.`,
            ),
          ),
        },
      },
      { parent: this },
    );
    tellTheOtherAccount(this, name, rule, contract);
    this.registerOutputs();
  }
}
