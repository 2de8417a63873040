/** pgbackrest.conf of a database node. The cipher's passphrase comes from the environment. */

import type { Contract, DatabaseNode, RegionContract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import {
  clusterName,
  DATA_DIRECTORY,
  IMAGE_PATHS,
  isReadReplica,
  otherOf,
  POSTGRES_RUN,
  regionOfNode,
  TLS_FILES,
} from "../layout.js";

type Options = Readonly<Record<string, string>>;

const { data } = IMAGE_PATHS;

export function renderPgbackrest(settings: SharedSettings, contract: Contract, node: DatabaseNode): string {
  const region = regionOfNode(contract, node);
  const other = otherOf(contract, region);
  // A read replica needs neither: it never leads, and never makes a backup.
  const voter = !isReadReplica(region, node);
  return [
    section("global", {
      ...repository(settings, region),
      ...(voter && { ...BACKUPS, ...server(region, node) }),
      ...ARCHIVING,
    }),
    section(clusterName(region), { ...cluster(1), ...(voter && peers(region, node)) }),
    // Read-only, as the node's role allows: the copy of the other region's vault in this region's bucket.
    section(clusterName(other), { "repo1-path": other.repositoryPath, ...cluster(1) }),
  ].join("\n");
}

/** For a machine that only restores: both stanzas, and their paths in its region's vault. */
export const renderRestoringPgbackrest = (
  settings: SharedSettings,
  contract: Contract,
  region: RegionContract,
): string =>
  [
    section("global", { ...repository(settings, region), ...COMMON }),
    ...[region, otherOf(contract, region)].map((each) =>
      section(clusterName(each), { "repo1-path": each.repositoryPath, ...cluster(1) }),
    ),
  ].join("\n");

const repository = ({ backup }: SharedSettings, region: RegionContract): Options => ({
  "repo1-type": "s3",
  "repo1-path": region.repositoryPath,
  "repo1-s3-bucket": region.vaultBucket,
  "repo1-s3-region": region.region,
  "repo1-s3-endpoint": `s3.${region.region}.amazonaws.com`,
  // The instance's role; no key is stored anywhere.
  "repo1-s3-key-type": "auto",
  // On top of the bucket's own encryption: access to the bucket alone doesn't give access to the data.
  "repo1-cipher-type": "aes-256-cbc",
  "repo1-bundle": "y",
  // Locked versions outlive this; `expire` then only hides them.
  "repo1-retention-full-type": "time",
  "repo1-retention-full": `${backup.retentionDays}`,
});

const COMMON: Options = {
  "compress-type": "zst",
  delta: "y",
  "process-max": "2",
  "lock-path": POSTGRES_RUN,
  // Seconds. A node that loses power closes no connection: the leader would keep the backup's lock for half an hour.
  "tcp-keep-alive-idle": "5",
  "tcp-keep-alive-interval": "5",
  "tcp-keep-alive-count": "3",
  "log-level-console": "info",
  // The journal has it.
  "log-level-file": "off",
};

const ARCHIVING: Options = {
  ...COMMON,
  "archive-async": "y",
  // Seconds. The archiver tries again anyway. But a crashed node archives all its WAL, one file after the other, before it
  // rejoins, and the default of a minute for each would delay that while S3 is unavailable.
  "archive-timeout": "10",
  "spool-path": `${data}/pgbackrest/spool`,
};

const BACKUPS: Options = {
  // Seconds. A backup queries all voters to find the leader: with the default of a minute for each attempt, one dead voter
  // delayed a backup by two minutes.
  "io-timeout": "15",
};

/** The server for the other voters, when one of them makes a backup. */
const server = (region: RegionContract, node: DatabaseNode): Options => ({
  "tls-server-address": node.address,
  "tls-server-cert-file": TLS_FILES.certificate,
  "tls-server-key-file": TLS_FILES.key,
  "tls-server-ca-file": TLS_FILES.authority,
  ...Object.fromEntries(
    // Any stanza: a voter has this region's only, and its name, once for each, is long.
    othersOf(region, node).map(({ name }) => [`tls-server-auth=${name}`, "*"]),
  ),
});

/** The other voters, one of which leads. By name: pgBackRest compares no address with a certificate's. */
const peers = (region: RegionContract, node: DatabaseNode): Options =>
  Object.assign(
    {},
    ...othersOf(region, node).map(({ name }, i) => {
      const at = `pg${i + 2}`;
      return {
        [`${at}-host`]: name,
        [`${at}-host-type`]: "tls",
        [`${at}-host-cert-file`]: TLS_FILES.certificate,
        [`${at}-host-key-file`]: TLS_FILES.key,
        [`${at}-host-ca-file`]: TLS_FILES.authority,
        ...cluster(i + 2),
      };
    }),
  );

const othersOf = (region: RegionContract, node: DatabaseNode): readonly DatabaseNode[] =>
  region.databaseNodes.filter(({ name }) => name !== node.name);

/** Port, socket and login are pgBackRest's defaults, and so is its server's port: user data has little room. */
const cluster = (index: number): Options => ({ [`pg${index}-path`]: DATA_DIRECTORY });

const section = (name: string, options: Options): string =>
  `[${name}]\n${Object.entries(options)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n")}\n`;
