/** Brings certificates to where the nodes of one region fetch them: Secrets Manager and Systems Manager. */
import {
  DescribeSecretCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { assertAccount } from "../common/account.js";
import { UserError } from "../common/errors.js";
import type { Contract } from "../settings/contract.js";
import type { NodeCertificate } from "./authority.js";
import { parameterValue } from "./parameter.js";
import { type Trust, trusted } from "./trust.js";

export interface PublishArgs {
  readonly contract: Pick<Contract, "certificateSecret" | "authorityParameter">;
  /** AWS region name; every call goes there. */
  readonly region: string;
  /** When set, credentials of another account are refused. */
  readonly accountId?: string;
  /** The signing authority's certificate, PEM. */
  readonly authority: string;
  readonly trust: Trust;
  /** By node name. */
  readonly leaves: Readonly<Record<string, NodeCertificate>>;
}

/**
 * Checks everything first, then writes: the authority before the certificates that it signed, so that a node
 * which fetches in between trusts more than it needs to, never less. It is idempotent.
 * The clients take `AWS_ENDPOINT_URL` and credentials from the environment.
 * @throws UserError for another account, another authority, secrets that stack global has not made.
 */
export async function publishTo(args: PublishArgs): Promise<void> {
  const { contract, region, authority, leaves, trust } = args;
  const secrets = new SecretsManagerClient({ region });
  const ssm = new SSMClient({ region });
  if (args.accountId) await assertAccount(region, args.accountId);
  const published = await parameterValue(ssm, contract.authorityParameter);
  const bundle = trusted(authority, published, trust, region);
  await assertSecrets(secrets, Object.keys(leaves).map(contract.certificateSecret), region);

  if (bundle !== published) {
    await ssm.send(
      new PutParameterCommand({
        Name: contract.authorityParameter,
        Description: "Certificates of the authorities that sign database nodes",
        Type: "String",
        Tier: bundle.length > STANDARD_LIMIT ? "Advanced" : "Standard",
        Value: bundle,
        Overwrite: published !== undefined,
      }),
    );
  }
  for (const [node, leaf] of Object.entries(leaves)) {
    await secrets.send(
      new PutSecretValueCommand({
        SecretId: contract.certificateSecret(node),
        SecretString: JSON.stringify({ ...leaf, authority: bundle }),
      }),
    );
  }
}

/** Characters of an SSM parameter that are free of charge. */
const STANDARD_LIMIT = 4096;

async function assertSecrets(client: SecretsManagerClient, names: string[], region: string): Promise<void> {
  const there = await Promise.all(
    names.map(async (name) => {
      try {
        return !(await client.send(new DescribeSecretCommand({ SecretId: name }))).DeletedDate;
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return false;
        throw error;
      }
    }),
  );
  const absent = names.filter((_, i) => !there[i]);
  if (absent.length === 0) return;
  throw new UserError(
    `${region} has no secret ${absent.join(", ")}`,
    "stack global creates one for every node in the settings",
    "deploy stack global with these settings, then publish",
  );
}
