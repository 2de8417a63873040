/** The ceilings over the project's roles: `access/boundary-policies.ts` says what they leave. */
import * as iam from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";
import {
  type BoundaryArgs,
  machineBoundaryStatements,
  pipelineBoundaryStatements,
} from "./access/boundary-policies.js";
import { policyDocument, type Statement } from "./access/policy-document.js";

/** A role is created with its boundary in one call, so there is no moment without one. */
export class PermissionBoundaries extends pulumi.ComponentResource {
  /** ARNs for `permissionsBoundary`; they carry the dependency on the policies. */
  readonly machines: pulumi.Output<string>;
  readonly pipeline: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    args: BoundaryArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:access:PermissionBoundaries", name, {}, opts);
    const { machineBoundary, pipelineBoundary } = args.contract;
    this.machines = this.policy(
      "machines",
      machineBoundary,
      "Ceiling over the roles of machines and of services that act for them",
      machineBoundaryStatements(args),
    );
    this.pipeline = this.policy(
      "pipeline",
      pipelineBoundary,
      "Ceiling over the roles of the pipeline",
      pipelineBoundaryStatements(args),
    );
    this.registerOutputs({ machines: this.machines, pipeline: this.pipeline });
  }

  private policy(
    id: string,
    name: string,
    description: string,
    statements: readonly Statement[],
  ): pulumi.Output<string> {
    return new iam.Policy(
      `${this.name}-${id}`,
      { name, description, policy: policyDocument(statements) },
      { parent: this },
    ).arn;
  }
}
