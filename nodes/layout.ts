/** Paths and names on a machine. The machine images are built to match. */

import type { Contract, DatabaseNode, RegionContract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";

/** A file to put on a machine. */
export interface NodeFile {
  readonly path: string;
  readonly content: string;
  /** Octal, e.g. `0644`. */
  readonly mode: string;
}

/** A file that every user may read. */
export const readableFile = (path: string, content: string): NodeFile => ({ path, content, mode: "0644" });

/** PostgreSQL's major version in the images (Debian 12). */
const POSTGRES_MAJOR = 15;

/** Folders and programs of a machine. The local twin gives each machine its own file system, with the same paths. */
export const IMAGE_PATHS = {
  /** Mount point of the data volume. */
  data: "/var/lib/dr",
  config: "/etc/dr",
  /** In memory: the only place for secrets. */
  run: "/run/dr",
  postgresBin: `/usr/lib/postgresql/${POSTGRES_MAJOR}/bin`,
  patroniBin: "/opt/patroni/bin",
  /** The image's own scripts, `dr-…`. */
  scripts: "/usr/local/sbin",
  /** Of PostgreSQL's socket. */
  sockets: "/var/run/postgresql",
  pgbackrest: "/etc/pgbackrest.conf",
} as const;

/** Patroni's unit on a database node. */
export const PATRONI_UNIT = "patroni.service";

/** Patroni's configuration: patroni.yml, and beside it the passwords, which Patroni reads again with it. In memory. */
export const PATRONI_FOLDER = `${IMAGE_PATHS.run}/patroni`;

/** JSON, `{"postgresql": {"authentication": {"replication": {"password"}, …}}}`. `dr-fetch-secrets` writes it. */
export const PATRONI_SECRETS = `${PATRONI_FOLDER}/secrets.yml`;

/** On the data volume of a database node. */
export const DATABASE_FOLDER = `${IMAGE_PATHS.data}/postgres`;

/** PostgreSQL's own directory. */
export const DATA_DIRECTORY = `${DATABASE_FOLDER}/data`;

/** Beside the data, followed by the stamp of a cut-over: the folder with the data that it replaced. */
export const OLD_DATA = "data.before-";

/** Runs Patroni, PostgreSQL and pgBackRest. */
export const POSTGRES_USER = "postgres";

/** In memory, user postgres' own: it can write nowhere else in `IMAGE_PATHS.run`. `dr-fetch-secrets` makes it. */
export const POSTGRES_RUN = `${IMAGE_PATHS.run}/${POSTGRES_USER}`;

/** The guard's bundle, in the database machines' image. */
export const GUARD_PROGRAM = "/usr/local/lib/dr/guard.cjs";

/** The guard's configuration; `nodes/render/guard-config.ts` renders it. */
export const GUARD_CONFIG_FILE = `${IMAGE_PATHS.config}/guard.json`;

/**
 * On the data volume, beside the data: exists from the `close` of a cut-over to restored data until this node may start
 * again. nodes/bin/verbs/cut-over-steps.ts writes it.
 */
export const CUT_OVER_FILE = `${DATABASE_FOLDER}/cut-over.json`;

/** Where the agent of a database node receives StatsD lines (UDP, this machine only), e.g. `RegionActive:1|g`. */
export const STATSD = { address: "127.0.0.1", port: 8125 } as const;

/**
 * A node's certificate (for both sides of a connection), its key and the authority's certificate: `dr-fetch-certificates`
 * writes them at boot. Tomcat servers have only the authority's.
 */
export const TLS_FILES = {
  authority: `${IMAGE_PATHS.run}/tls/authority.crt`,
  certificate: `${IMAGE_PATHS.run}/tls/node.crt`,
  key: `${IMAGE_PATHS.run}/tls/node.key`,
} as const;

/** All database nodes of a region: the voters, then the read replicas. */
export const membersOf = (region: RegionContract): readonly DatabaseNode[] => [
  ...region.databaseNodes,
  ...region.readReplicas,
];

/** Whether a node only serves reads: it never leads, never votes and runs no etcd. */
export const isReadReplica = (region: RegionContract, node: DatabaseNode): boolean =>
  region.readReplicas.some(({ name }) => name === node.name);

/** Which of the two regions a node belongs to. @throws Error when the contract doesn't know it. */
export function regionOfNode(contract: Contract, node: DatabaseNode): RegionContract {
  const region = [contract.home, contract.recovery].find((each) =>
    membersOf(each).some(({ name }) => name === node.name),
  );
  if (!region) throw new Error(`node '${node.name}' is in neither region of the contract`);
  return region;
}

export const otherOf = (contract: Contract, region: RegionContract): RegionContract =>
  region.id === "home" ? contract.recovery : contract.home;

/** Namespace of Patroni's keys in etcd, with slashes around it. */
export const patroniNamespace = (settings: Pick<SharedSettings, "name">): string => `/${settings.name}/`;

/** Name of the region's cluster for Patroni, and of its stanza for pgBackRest. */
export const clusterName = (region: RegionContract): string => region.vpcName;

/** Replication slot that a region's standby leader uses on the other region. Slots allow `a-z0-9_` only. */
export const standbySlot = (standby: RegionContract): string =>
  `standby_${clusterName(standby).replaceAll("-", "_")}`;
