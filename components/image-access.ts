/** Roles of the machines on which images are built. They belong to `global`, as all roles do. */
import * as iam from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract } from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";
import { imageBuilderStatements } from "./access/image-policies.js";
import { policyDocument, trustService } from "./access/policy-document.js";
import type { RegionKeys } from "./keys.js";

export interface ImageAccessArgs {
  readonly contract: Contract;
  readonly keys: Readonly<Record<RegionId, RegionKeys>>;
  /** Boundary of every role. */
  readonly permissionsBoundary: pulumi.Input<string>;
}

/** Per region: a role and instance profile (of the same name) for build machines. */
export class ImageAccess extends pulumi.ComponentResource {
  constructor(name: string, args: ImageAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:access:ImageAccess", name, {}, opts);
    for (const id of ["home", "recovery"] as const) this.buildMachines(name, id, args);
    this.registerOutputs();
  }

  private buildMachines(name: string, id: RegionId, args: ImageAccessArgs): void {
    const { contract, keys, permissionsBoundary } = args;
    const { imageRole, region } = contract[id];
    const role = new iam.Role(
      `${name}-${id}-role`,
      {
        name: imageRole,
        description: `Machines that build images in ${region}`,
        assumeRolePolicy: trustService("ec2.amazonaws.com"),
        permissionsBoundary,
      },
      { parent: this },
    );
    const policy = pulumi
      .output(keys[id].backups)
      .apply((key) => policyDocument(imageBuilderStatements(contract, id, key)));
    new iam.RolePolicy(`${name}-${id}-policy`, { role: role.name, policy }, { parent: this });
    new iam.InstanceProfile(`${name}-${id}-profile`, { name: imageRole, role: role.name }, { parent: this });
  }
}
