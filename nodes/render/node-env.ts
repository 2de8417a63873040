/**
 * `node.env`: the values for the image's scripts (`dr-…`) that differ between machines. It contains names of secrets and
 * parameters, never a secret.
 */

import type { Contract, DatabaseNode } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { clusterName, IMAGE_PATHS, isReadReplica, POSTGRES_USER, regionOfNode } from "../layout.js";

const { config, run } = IMAGE_PATHS;

/** Where a service finds its secrets, as `NAME='value'`. In memory only. */
export const SECRETS_FILE = `${run}/secrets.env`;

export const NODE_ENV_FILE = `${config}/node.env`;

/** Where a node saves writes that only it has, in its region's vault; components/access/node-policies.ts allows it. */
export const DIVERGED_PREFIX = "diverged";

/** Values for a database node. */
export function renderDatabaseEnv(contract: Contract, node: DatabaseNode): string {
  const { superuser, replication, rewind, backupCipher } = contract.secrets;
  const region = regionOfNode(contract, node);
  return renderEnv({
    AWS_DEFAULT_REGION: region.region,
    DR_NODE: node.name,
    DR_USER: POSTGRES_USER,
    DR_SECRETS: secretList({
      PATRONI_SUPERUSER_PASSWORD: password(superuser),
      PATRONI_REPLICATION_PASSWORD: password(replication),
      PATRONI_REWIND_PASSWORD: password(rewind),
      PGBACKREST_REPO1_CIPHER_PASS: backupCipher,
    }),
    DR_CERTIFICATE_SECRET: contract.certificateSecret(node.name),
    ...(!isReadReplica(region, node) && {
      DR_CLUSTER_PARAMETER: region.clusterParameter,
      DR_STANZA: clusterName(region),
      DR_DIVERGED: `s3://${region.vaultBucket}/${DIVERGED_PREFIX}`,
    }),
  });
}

/** Values for the restore machine. */
export function renderRestoreEnv(contract: Contract, id: RegionId): string {
  const { region, restoreNode } = contract[id];
  return renderEnv({
    AWS_DEFAULT_REGION: region,
    DR_NODE: restoreNode,
    DR_USER: POSTGRES_USER,
    DR_SECRETS: secretList({ PGBACKREST_REPO1_CIPHER_PASS: contract.secrets.backupCipher }),
    DR_CERTIFICATE_SECRET: contract.certificateSecret(restoreNode),
  });
}

/** Values for a Tomcat server. */
export function renderTomcatNodeEnv(settings: SharedSettings, contract: Contract, region: RegionId): string {
  const [first] = settings.databases;
  if (!first) throw new Error("settings name no database");
  return renderEnv({
    AWS_DEFAULT_REGION: contract[region].region,
    DR_SECRETS: secretList({
      // A rotation changes both.
      DR_DATABASE_USER: `${contract.ownerSecret(first.owner)}#username`,
      DR_DATABASE_PASSWORD: password(contract.ownerSecret(first.owner)),
    }),
    DR_AUTHORITY_PARAMETER: contract.authorityParameter,
    DR_APPLICATION_WAR: applicationWar(settings, contract, region),
  });
}

/** Key of the application in the region's artifact bucket, unless the settings name an address in S3. */
export const APPLICATION_KEY = "ROOT.war";

/** Where a Tomcat server of a region finds the application, `s3://bucket/key`. */
const applicationWar = (
  { application }: Pick<SharedSettings, "application">,
  contract: Contract,
  region: RegionId,
): string =>
  application.war.startsWith("s3://")
    ? application.war
    : `s3://${contract[region].artifactBucket}/${APPLICATION_KEY}`;

/** A login's secret is JSON; `#` names the field. Other secrets are plain values. */
const password = (secret: string): string => `${secret}#password`;

/** Names of variables and of the secrets that fill them; never a secret itself. */
const secretList = (secrets: Readonly<Record<string, string>>): string =>
  Object.entries(secrets)
    .map(([variable, secret]) => `${variable}=${secret}`)
    .join(" ");

/** In a syntax that both systemd and a shell can read. */
const renderEnv = (variables: Readonly<Record<string, string>>): string =>
  `${Object.entries(variables)
    .map(([name, value]) => `${name}="${value}"`)
    .join("\n")}\n`;
