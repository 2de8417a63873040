/** What a region's running database nodes take over by themselves. */
import * as ssm from "@pulumi/aws/ssm/index.js";
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../common/errors.js";

export interface ClusterSettingsArgs {
  /** `clusterParameter` of the region's contract. */
  readonly parameter: string;
  /** JSON, as `nodes/render/cluster-config.ts` writes it. */
  readonly value: string;
}

/** Characters that Systems Manager takes: free of charge, and at all. */
const STANDARD_LIMIT = 4096;
const ADVANCED_LIMIT = 8192;

/**
 * One SSM parameter with databases, owners (names of secrets, no secret) and PostgreSQL parameters. The leader
 * reads it every half minute; a change replaces no machine.
 */
export class ClusterSettings extends pulumi.ComponentResource {
  /** @throws UserError when the settings are longer than Systems Manager takes. */
  constructor(
    name: string,
    { parameter, value }: ClusterSettingsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:database:ClusterSettings", name, {}, opts);
    if (value.length > ADVANCED_LIMIT) {
      throw new UserError(
        `SSM parameter '${parameter}' would have ${value.length} characters`,
        `Systems Manager takes ${ADVANCED_LIMIT}; most of it are \`databases\` and \`database.parameters\`.`,
        "name fewer databases here and create the others in PostgreSQL itself",
      );
    }
    new ssm.Parameter(
      name,
      {
        name: parameter,
        type: "String",
        tier: value.length > STANDARD_LIMIT ? "Advanced" : "Standard",
        value,
        description: "What running database nodes take over",
      },
      { parent: this },
    );
    this.registerOutputs();
  }
}
