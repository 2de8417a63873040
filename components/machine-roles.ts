/**
 * Roles of a region's machines and of its flow logs. They belong to `global`: a region's `up` makes no IAM
 * call.
 */
import * as iam from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";
import { type Contract, otherRegion } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import {
  databaseNodeStatements,
  flowLogStatements,
  type NodeKeys,
  tomcatStatements,
} from "./access/node-policies.js";
import { policyDocument, type Statement, trustService } from "./access/policy-document.js";
import { restoreNodeStatements, restoreScheduleStatements } from "./access/restore-policies.js";
import { volumeBackupStatements } from "./access/volume-backup-policies.js";
import type { RegionKeys } from "./keys.js";

export interface AccessArgs {
  readonly contract: Contract;
  readonly keys: Readonly<Record<RegionId, RegionKeys>>;
  readonly settings: Pick<SharedSettings, "application" | "databases" | "restoreTest" | "volumeBackup">;
  /** Boundary of every role. */
  readonly permissionsBoundary: pulumi.Input<string>;
}

interface RoleArgs {
  /** Logical name, below the component's. */
  readonly id: string;
  /** Physical name, from the contract. */
  readonly roleName: string;
  readonly description: string;
  readonly trust: string;
  readonly policy: pulumi.Input<string>;
}

/**
 * Per region: a role and instance profile (of the same name) for database nodes, Tomcat servers and the restore
 * machine, and roles for flow logs, the schedule of restore tests and AWS Backup. `node-policies.ts`,
 * `restore-policies.ts` and `volume-backup-policies.ts` say what each may do, and why.
 */
export class Access extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: AccessArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:access:Access", name, {}, opts);
    for (const id of ["home", "recovery"] as const) {
      this.databaseNodes(id);
      this.tomcatServers(id);
      this.flowLogs(id);
      if (args.settings.restoreTest.everyHours > 0) this.restoreTests(id);
      if (args.settings.volumeBackup.enabled) this.volumeBackups(id);
    }
    this.registerOutputs();
  }

  private databaseNodes(id: RegionId): void {
    const { contract } = this.args;
    const { databaseRole, region } = contract[id];
    this.instanceRole({
      id: `${id}-database`,
      roleName: databaseRole,
      description: `Database nodes in ${region}`,
      trust: EC2_TRUST,
      policy: this.policy(id, (keys) => databaseNodeStatements(contract, id, keys)),
    });
  }

  private tomcatServers(id: RegionId): void {
    const { contract, settings } = this.args;
    const { tomcatRole, region } = contract[id];
    this.instanceRole({
      id: `${id}-tomcat`,
      roleName: tomcatRole,
      description: `Tomcat servers in ${region}`,
      trust: EC2_TRUST,
      policy: this.policy(id, (keys) => tomcatStatements(contract, id, keys, settings)),
    });
  }

  private flowLogs(id: RegionId): void {
    const { contract } = this.args;
    const { flowLogRole, region } = contract[id];
    this.role({
      id: `${id}-flow-logs`,
      roleName: flowLogRole,
      description: `VPC flow logs in ${region}`,
      trust: trustService("vpc-flow-logs.amazonaws.com", {
        StringEquals: { "aws:SourceAccount": contract.accountId },
        ArnLike: { "aws:SourceArn": `arn:aws:ec2:${region}:${contract.accountId}:vpc-flow-log/*` },
      }),
      policy: policyDocument(flowLogStatements(contract, contract[id])),
    });
  }

  private restoreTests(id: RegionId): void {
    const { contract } = this.args;
    const { restoreRole, restoreScheduleRole, region } = contract[id];
    this.instanceRole({
      id: `${id}-restore`,
      roleName: restoreRole,
      description: `Restore machine in ${region}`,
      trust: EC2_TRUST,
      policy: this.policy(id, (keys) => restoreNodeStatements(contract, id, keys)),
    });
    this.role({
      id: `${id}-restore-schedule`,
      roleName: restoreScheduleRole,
      description: `Schedule of restore tests in ${region}`,
      trust: trustService("scheduler.amazonaws.com", {
        StringEquals: {
          "aws:SourceAccount": contract.accountId,
          // The scheduler names the schedule's group, not the schedule.
          "aws:SourceArn": `arn:aws:scheduler:${region}:${contract.accountId}:schedule-group/default`,
        },
      }),
      policy: policyDocument(restoreScheduleStatements(contract, id)),
    });
  }

  private volumeBackups(id: RegionId): void {
    const { contract, keys } = this.args;
    const { volumeBackupRole, region } = contract[id];
    this.role({
      id: `${id}-volume-backup`,
      roleName: volumeBackupRole,
      description: `AWS Backup of data volumes in ${region}`,
      trust: trustService("backup.amazonaws.com", {
        StringEquals: { "aws:SourceAccount": contract.accountId },
      }),
      policy: pulumi
        .all([keys[id].data, keys[otherRegion(id)].data])
        .apply((keyArns) => policyDocument(volumeBackupStatements(contract, id, keyArns))),
    });
  }

  private instanceRole(args: RoleArgs): void {
    const role = this.role(args);
    new iam.InstanceProfile(
      `${this.name}-${args.id}-profile`,
      { name: args.roleName, role: role.name },
      { parent: this },
    );
  }

  private role({ id, roleName, description, trust, policy }: RoleArgs): iam.Role {
    const role = new iam.Role(
      `${this.name}-${id}-role`,
      {
        name: roleName,
        description,
        assumeRolePolicy: trust,
        permissionsBoundary: this.args.permissionsBoundary,
      },
      { parent: this },
    );
    new iam.RolePolicy(`${this.name}-${id}-policy`, { role: role.name, policy }, { parent: this });
    return role;
  }

  /** The text of a policy that names keys, whose ARNs AWS assigns. */
  private policy(id: RegionId, statements: (keys: NodeKeys) => Statement[]): pulumi.Output<string> {
    const { keys } = this.args;
    const arns = pulumi.output({
      data: keys[id].data,
      ownBackups: keys[id].backups,
      otherBackups: keys[otherRegion(id)].backups,
    });
    return arns.apply((known) => policyDocument(statements(known)));
  }
}

const EC2_TRUST = trustService("ec2.amazonaws.com");
