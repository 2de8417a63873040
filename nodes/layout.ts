/** Where things are on a machine, and what they are called. The machine images are built to match. */
import type { Contract, DatabaseNode, RegionContract } from "../stacks/contract.js";

/** A file to put on a machine. */
export interface NodeFile {
  readonly path: string;
  readonly content: string;
  /** Octal, e.g. `0644`. */
  readonly mode: string;
}

/** Folders and programs of a database node. The twin runs several nodes on one machine and has others. */
export interface NodePaths {
  /** Mount point of the data volume. */
  readonly data: string;
  readonly config: string;
  /** Lives in memory: secrets are written here, nowhere else. */
  readonly run: string;
  readonly postgresBin: string;
  readonly patroniBin: string;
}

/** PostgreSQL's major version in the images (Debian 12). */
export const POSTGRES_MAJOR = 15;

export const IMAGE_PATHS: NodePaths = {
  data: "/var/lib/dr",
  config: "/etc/dr",
  run: "/run/dr",
  postgresBin: `/usr/lib/postgresql/${POSTGRES_MAJOR}/bin`,
  patroniBin: "/opt/patroni/bin",
};

/** The application's database; its login owns it. */
export const APPLICATION_DATABASE = "app";

/** Which of the two regions a node belongs to. @throws Error when the contract doesn't know it. */
export function regionOfNode(contract: Contract, node: DatabaseNode): RegionContract {
  const region = [contract.home, contract.recovery].find(({ databaseNodes }) =>
    databaseNodes.some(({ name }) => name === node.name),
  );
  if (!region) throw new Error(`node '${node.name}' is in neither region of the contract`);
  return region;
}

export const otherOf = (contract: Contract, region: RegionContract): RegionContract =>
  region.id === "home" ? contract.recovery : contract.home;

/** Name of the region's cluster for Patroni, and of its stanza for pgBackRest. */
export const clusterName = (region: RegionContract): string => region.vpcName;

/** Replication slot that a region's standby leader uses on the other region. Slots allow `a-z0-9_` only. */
export const standbySlot = (standby: RegionContract): string =>
  `standby_${clusterName(standby).replaceAll("-", "_")}`;
