/** Roles of the watch: the canary's, and the one that tells another account. They belong to `global`, like all roles. */
import * as iam from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract } from "../settings/contract.js";
import { policyDocument, type Statement, trustService } from "./access/policy-document.js";
import { canaryStatements, watchBusStatements } from "./access/watch-policies.js";

export interface WatchAccessArgs {
  readonly contract: Contract;
  /** Boundary of both roles. */
  readonly permissionsBoundary: pulumi.Input<string>;
}

export class WatchAccess extends pulumi.ComponentResource {
  constructor(
    private readonly name: string,
    private readonly args: WatchAccessArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:access:WatchAccess", name, {}, opts);
    const { contract } = args;
    const { accountId, prefix, copy } = contract;
    this.role(
      "canary",
      contract.canaryRole,
      "Makes the hourly call that the watch must see",
      // The scheduler names the schedule's group, not the schedule.
      trust("scheduler", accountId, `arn:aws:scheduler:*:${accountId}:schedule-group/default`),
      canaryStatements(contract),
    );
    if (copy) {
      this.role(
        "bus",
        contract.watchBusRole,
        "Sends what pages to the other account's event bus",
        trust("events", accountId, `arn:aws:events:*:${accountId}:rule/${prefix}-*watch-*`),
        watchBusStatements(copy),
      );
    }
    this.registerOutputs();
  }

  private role(id: string, roleName: string, description: string, trusts: string, may: Statement[]): void {
    const role = new iam.Role(
      `${this.name}-${id}-role`,
      {
        name: roleName,
        description,
        assumeRolePolicy: trusts,
        permissionsBoundary: this.args.permissionsBoundary,
      },
      { parent: this },
    );
    new iam.RolePolicy(
      `${this.name}-${id}-policy`,
      { role: role.name, policy: policyDocument(may) },
      { parent: this },
    );
  }
}

const trust = (service: string, accountId: string, sourceArn: string): string =>
  trustService(`${service}.amazonaws.com`, {
    StringEquals: { "aws:SourceAccount": accountId },
    ArnLike: { "aws:SourceArn": sourceArn },
  });
