/**
 * The handoff: identifiers that AWS assigns and that a region needs, published by `global` into each
 * region as one SSM parameter. A region reads its own copy, so it needs neither the other region nor
 * us-east-1 nor another stack's state.
 */
import * as ssm from "@pulumi/aws/ssm/index.js";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { UserError } from "../common/errors.js";

const handoffSchema = z.object({
  hostedZoneId: z.string(),
  dataKeyArn: z.string(),
  backupsKeyArn: z.string(),
  notificationsKeyArn: z.string(),
  auditKeyArn: z.string(),
  certificateArn: z.string(),
});

export type Handoff = z.infer<typeof handoffSchema>;

/**
 * Publishes one region's copy. Identifiers only, no secrets: a plain String, so that reading it takes no key.
 * @param provider of the region that will read it.
 */
export function publishHandoff(
  id: string,
  parameter: string,
  values: { readonly [K in keyof Handoff]: pulumi.Input<string> },
  provider: pulumi.ProviderResource,
): ssm.Parameter {
  return new ssm.Parameter(
    `handoff-${id}`,
    {
      name: parameter,
      type: "String",
      value: pulumi.jsonStringify(values),
      description: "What stack global hands to this region",
    },
    { provider },
  );
}

/**
 * Reads this region's copy.
 * @throws UserError that says to deploy `global` first when there is none.
 */
export async function readHandoff(
  parameter: string,
  region: string,
  provider: pulumi.ProviderResource,
): Promise<Handoff> {
  let text: string;
  try {
    ({ value: text } = await ssm.getParameter({ name: parameter }, { provider }));
  } catch (error) {
    throw new UserError(
      `SSM parameter '${parameter}' can't be read in ${region}`,
      (error as Error).message,
      "deploy stack global first; it publishes the parameter into both regions",
    );
  }
  return handoffSchema.parse(JSON.parse(text));
}
