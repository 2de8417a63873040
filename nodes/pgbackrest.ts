/** pgbackrest.conf of a database node. The cipher's passphrase comes from the environment. */
import type { SharedSettings } from "../settings/schema.js";
import {
  type Contract,
  DATABASE_LOGINS,
  type DatabaseNode,
  PORTS,
  type RegionContract,
} from "../stacks/contract.js";
import { clusterName, IMAGE_PATHS, otherOf, regionOfNode } from "./layout.js";

export function renderPgbackrest(settings: SharedSettings, contract: Contract, node: DatabaseNode): string {
  return renderRestoringPgbackrest(settings, contract, regionOfNode(contract, node));
}

/** Of any machine of a region, also one that is no database node: both stanzas, and where in its vault they stand. */
export function renderRestoringPgbackrest(
  settings: SharedSettings,
  contract: Contract,
  region: RegionContract,
): string {
  const other = otherOf(contract, region);
  const global = {
    "repo1-type": "s3",
    "repo1-path": region.repositoryPath,
    "repo1-s3-bucket": region.vaultBucket,
    "repo1-s3-region": region.region,
    "repo1-s3-endpoint": `s3.${region.region}.amazonaws.com`,
    // The instance's role; no key is stored anywhere.
    "repo1-s3-key-type": "auto",
    // On top of the bucket's own encryption: whoever can read the bucket still can't read the data.
    "repo1-cipher-type": "aes-256-cbc",
    "repo1-bundle": "y",
    // Locked versions outlive this; `expire` then only hides them.
    "repo1-retention-full-type": "time",
    "repo1-retention-full": `${settings.backup.retentionDays}`,
    "compress-type": "zst",
    "start-fast": "y",
    delta: "y",
    "process-max": "2",
    "archive-async": "y",
    // Seconds. The archiver tries again anyway; but a node that has crashed offers all its WAL, one file after
    // the other, before it rejoins, and the default of a minute for each would keep it away while S3 is.
    "archive-timeout": "10",
    "spool-path": `${IMAGE_PATHS.data}/pgbackrest/spool`,
    "lock-path": `${IMAGE_PATHS.run}/pgbackrest`,
    "log-level-console": "info",
    // The journal has it.
    "log-level-file": "off",
  };
  const stanza = {
    "pg1-path": `${IMAGE_PATHS.data}/postgres/data`,
    "pg1-port": `${PORTS.postgres}`,
    "pg1-socket-path": "/var/run/postgresql",
    "pg1-user": DATABASE_LOGINS.superuser,
  };
  return [
    section("global", global),
    section(clusterName(region), stanza),
    // To read only, and the node's role allows no more: what the other region's vault has replicated into this one.
    section(clusterName(other), { "repo1-path": other.repositoryPath, ...stanza }),
  ].join("\n");
}

const section = (name: string, options: Readonly<Record<string, string>>): string =>
  `[${name}]\n${Object.entries(options)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n")}\n`;
