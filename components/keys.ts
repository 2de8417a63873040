/** KMS keys: one per purpose, usable in either region without the other. */
import * as kms from "@pulumi/aws/kms/index.js";
import * as pulumi from "@pulumi/pulumi";
import { type Contract, HEALTH_METRICS_REGION } from "../settings/contract.js";
import {
  auditKeyPolicy,
  backupsKeyPolicy,
  DELETION_WINDOW_DAYS,
  dataKeyPolicy,
  type KeyPlace,
  notificationsKeyPolicy,
} from "./access/key-policies.js";

export interface KeysArgs {
  readonly contract: Contract;
  /** Log groups below `/<prefix>/` may use the data key. */
  readonly prefix: string;
  /** ARN of the audit trail: the only one that may encrypt with the audit key. */
  readonly trailArn: string;
  /** ARN of the only role that may disable keys or change their policies. Default: IAM says who. */
  readonly breakGlassRole?: string;
  readonly home: pulumi.ProviderResource;
  readonly recovery: pulumi.ProviderResource;
  /** Provider of us-east-1; not used when that is one of the two regions. */
  readonly healthMetrics: pulumi.ProviderResource;
}

/** ARNs of one region's keys. */
export interface RegionKeys {
  /** Volumes, secrets, log groups. */
  readonly data: pulumi.Output<string>;
  /** Vault, runbooks and the application. */
  readonly backups: pulumi.Output<string>;
  /** Alarm topics. */
  readonly notifications: pulumi.Output<string>;
}

interface Purpose {
  readonly purpose: keyof RegionKeys;
  readonly description: string;
  readonly policyAt: (place: KeyPlace) => string;
}

/**
 * Multi-Region keys (primary in home, replica in recovery): same key id, so that a secret or a snapshot of
 * one region can be read in the other while the first is gone. Each replica has its own region's policy.
 * S3 treats them as single-Region keys; replication therefore names the destination's key.
 */
export class Keys extends pulumi.ComponentResource {
  readonly home: RegionKeys;
  readonly recovery: RegionKeys;
  /** Key for the topic of the health-check alarms, in us-east-1. */
  readonly healthNotifications: pulumi.Output<string>;
  /** Key of the audit trail, in home only. */
  readonly audit: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: KeysArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:keys:Keys", name, {}, opts);
    const regions = [args.contract.home.region, args.contract.recovery.region];
    const data = this.pair({
      purpose: "data",
      description: "volumes, secrets and log groups",
      policyAt: (place) => dataKeyPolicy(place, regions, args.prefix),
    });
    const backups = this.pair({
      purpose: "backups",
      description: "vault, runbooks and the application",
      policyAt: backupsKeyPolicy,
    });
    const notifications = this.pair({
      purpose: "notifications",
      description: "alarm topics",
      policyAt: notificationsKeyPolicy,
    });
    this.home = { data: data.home, backups: backups.home, notifications: notifications.home };
    this.recovery = {
      data: data.recovery,
      backups: backups.recovery,
      notifications: notifications.recovery,
    };
    this.healthNotifications = this.healthNotificationsKey();
    this.audit = this.auditKey();
    this.registerOutputs({ home: this.home, recovery: this.recovery, audit: this.audit });
  }

  /** One multi-Region key with its replica, and the same alias in both regions. */
  private pair({ purpose, description, policyAt }: Purpose) {
    const { contract, home, recovery } = this.args;
    const at = `${this.name}-${purpose}`;
    const primary = new kms.Key(
      at,
      {
        description: `${contract.keyAliases[purpose]}: ${description}`,
        multiRegion: true,
        ...ROTATION,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: policyAt(this.place("home")),
      },
      { parent: this, provider: home, protect: true },
    );
    // Rotation is a property that replicas share with their primary; it can't be set here.
    const replica = new kms.ReplicaKey(
      `${at}-replica`,
      {
        description: `${contract.keyAliases[purpose]}: ${description}`,
        primaryKeyArn: primary.arn,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: policyAt(this.place("recovery")),
      },
      { parent: this, provider: recovery, protect: true },
    );
    const alias = contract.keyAliases[purpose];
    new kms.Alias(
      `${at}-alias`,
      { name: alias, targetKeyId: primary.keyId },
      { parent: this, provider: home },
    );
    new kms.Alias(
      `${at}-replica-alias`,
      { name: alias, targetKeyId: replica.keyId },
      { parent: this, provider: recovery },
    );
    return { home: primary.arn, recovery: replica.arn };
  }

  /** A key by itself: alarms on health checks must not depend on either region. */
  private healthNotificationsKey(): pulumi.Output<string> {
    const { contract, healthMetrics } = this.args;
    if (contract.home.region === HEALTH_METRICS_REGION) return this.home.notifications;
    if (contract.recovery.region === HEALTH_METRICS_REGION) return this.recovery.notifications;
    const alias = contract.keyAliases.notifications;
    const key = new kms.Key(
      `${this.name}-health-notifications`,
      {
        description: `${alias}: topic of the health-check alarms`,
        ...ROTATION,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: notificationsKeyPolicy({ ...this.place("home"), region: HEALTH_METRICS_REGION }),
      },
      { parent: this, provider: healthMetrics, protect: true },
    );
    new kms.Alias(
      `${this.name}-health-notifications-alias`,
      { name: alias, targetKeyId: key.keyId },
      { parent: this, provider: healthMetrics },
    );
    return key.arn;
  }

  private auditKey(): pulumi.Output<string> {
    const { contract, home, trailArn } = this.args;
    const key = new kms.Key(
      `${this.name}-audit`,
      {
        description: "audit trail",
        ...ROTATION,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: auditKeyPolicy(this.place("home"), trailArn, contract.auditBucket),
      },
      { parent: this, provider: home, protect: true },
    );
    new kms.Alias(
      `${this.name}-audit-alias`,
      // Below the prefix, like every alias: the pipeline may manage those only.
      { name: contract.keyAliases.audit, targetKeyId: key.keyId },
      { parent: this, provider: home },
    );
    return key.arn;
  }

  private place(id: "home" | "recovery"): KeyPlace {
    const { contract, breakGlassRole } = this.args;
    return { accountId: contract.accountId, region: contract[id].region, breakGlassRole };
  }
}

const ROTATION = { enableKeyRotation: true, rotationPeriodInDays: 365 };
