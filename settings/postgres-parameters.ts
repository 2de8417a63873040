/**
 * PostgreSQL's parameters: what the project needs, what the instance's size gives, and over the latter what
 * `database.parameters` says.
 */

import { instanceSize, KNOWN_FAMILIES } from "./instance-size.js";
import type { SharedSettings } from "./schema.js";

export type PostgresParameters = Readonly<Record<string, string | number | boolean>>;

/** A dead standby region may hold back this share of the volume in WAL; then its slot is given up. */
const SLOT_SHARE_OF_VOLUME = 0.25;

/** WAL between two checkpoints, as a share of the volume, and its bounds in MiB. */
const WAL_SHARE_OF_VOLUME = 0.05;
const LEAST_WAL_MIB = 1024;
const MOST_WAL_MIB = 16_384;

/** Connections per GiB of memory, and their bounds. */
const CONNECTIONS_PER_GIB = 25;
const LEAST_CONNECTIONS = 50;
const MOST_CONNECTIONS = 500;

/**
 * Parameters that Patroni or the project owns, and why. `database.parameters` may not have them.
 * Patroni's own: https://patroni.readthedocs.io/en/latest/patroni_configuration.html
 */
const OWNED: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [
    /^(listen_addresses|port|cluster_name|hot_standby|wal_log_hints|primary_conninfo|primary_slot_name|hba_file|ident_file|config_file|data_directory|external_pid_file|unix_socket_.*|recovery_.*|promote_trigger_file|restore_command)$/,
    "is set by Patroni on each node",
  ],
  [/^ssl(_.*)?$/, "is set with the node's certificate; every client needs it"],
  [
    /^(synchronous_.*|fsync|full_page_writes|data_checksums)$/,
    "decides whether an acknowledged write survives; Patroni's quorum mode owns it",
  ],
  [
    /^(wal_level|max_slot_wal_keep_size|max_wal_senders|max_replication_slots|wal_keep_size)$/,
    "keeps the standby region and the replicas fed",
  ],
  [/^archive_.*$/, "belongs to the backups"],
  [/^password_encryption$/, "must fit pg_hba, which asks for scram-sha-256"],
  [
    /^tcp_user_timeout$/,
    "reads as 0 over a Unix socket, so that Patroni takes each change of its configuration for one of this too, and waits a second: at both ends of each move between regions. The kernel has a limit for all connections, nodes/image/install-database.sh",
  ],
  [
    /^(wal_sender_timeout|wal_receiver_timeout|wal_retrieve_retry_interval)$/,
    "is part of how fast a lost node is noticed",
  ],
];

/** Why a parameter may not be set, or undefined when it may. */
export const ownedParameter = (name: string): string | undefined =>
  OWNED.find(([pattern]) => pattern.test(name))?.[1];

/** Bound of the WAL that slots keep, in MiB. */
export const slotWalKeepMib = ({ database }: Pick<SharedSettings, "database">): number =>
  database.maxSlotWalKeepMib ?? Math.floor(database.volumeGib * 1024 * SLOT_SHARE_OF_VOLUME);

/**
 * @param stanza of pgBackRest, for `archive_command`.
 * @throws Error for an instance type of no known size; the settings' checks have refused it before.
 */
export function postgresParameters(settings: SharedSettings, stanza: string): PostgresParameters {
  return {
    ...sizedParameters(settings.database),
    ...OBSERVED,
    ...settings.database.parameters,
    ...ownParameters(settings, stanza),
  };
}

/** What PostgreSQL logs and measures. The log of connections says who was inside when something happened. */
const OBSERVED: PostgresParameters = {
  log_line_prefix: "%m [%p] %q%u@%d %a ",
  log_connections: true,
  log_disconnections: true,
  log_checkpoints: true,
  log_lock_waits: true,
  log_temp_files: "64MB",
  log_autovacuum_min_duration: "10s",
  track_io_timing: true,
};

/** Without what PostgreSQL logs and measures: `dr-reconcile` adds that to a new cluster, and user data is short of room. */
export const unobserved = (parameters: PostgresParameters): PostgresParameters =>
  Object.fromEntries(Object.entries(parameters).filter(([name]) => !(name in OBSERVED)));

/** What others rely on; stands last, so that nothing overrides it. */
function ownParameters(settings: SharedSettings, stanza: string): PostgresParameters {
  const { backup, database } = settings;
  // Each other member, the standby region, and room for base backups of several at once.
  const senders = Math.max(16, database.voters + database.readReplicas + 8);
  return {
    wal_level: "logical",
    hot_standby: true,
    wal_log_hints: true,
    max_wal_senders: senders,
    // One more for each database, and more than one may be stale: MOST_DATABASES in the guard.
    max_replication_slots: senders + 40,
    max_slot_wal_keep_size: `${slotWalKeepMib(settings)}MB`,
    archive_mode: "on",
    archive_timeout: `${backup.archiveTimeoutSeconds}s`,
    archive_command: `pgbackrest --stanza=${stanza} archive-push %p`,
    password_encryption: "scram-sha-256",
    // A peer that is gone without a word is noticed within seconds.
    wal_sender_timeout: "5s",
    wal_receiver_timeout: "5s",
    // A replica that has just lost its source sleeps this long before it looks again, and does not wake for a
    // promotion that comes in between. The default of 5 s was seen as a 5 s gap in one switchover of three.
    wal_retrieve_retry_interval: "200ms",
  };
}

/** Sizes by the rules of thumb of PostgreSQL's manual, for a machine that does nothing else. */
function sizedParameters({ instanceType, volumeGib }: SharedSettings["database"]): PostgresParameters {
  const size = instanceSize(instanceType);
  if (!size) throw new Error(`instance type '${instanceType}' is not one of ${KNOWN_FAMILIES}`);
  const { memoryMib, vcpus } = size;
  const sharedBuffers = Math.floor(memoryMib / 4);
  const connections = clamp(
    Math.floor((memoryMib / 1024) * CONNECTIONS_PER_GIB),
    LEAST_CONNECTIONS,
    MOST_CONNECTIONS,
  );
  const maxWal = clamp(Math.floor(volumeGib * 1024 * WAL_SHARE_OF_VOLUME), LEAST_WAL_MIB, MOST_WAL_MIB);
  return {
    max_connections: connections,
    shared_buffers: `${sharedBuffers}MB`,
    effective_cache_size: `${Math.floor(memoryMib * 0.75)}MB`,
    // Three sorts or hashes in each connection at once still fit beside the shared buffers.
    work_mem: `${clamp(Math.floor((memoryMib - sharedBuffers) / (connections * 3)), 4, 128)}MB`,
    maintenance_work_mem: `${clamp(Math.floor(memoryMib / 16), 64, 2048)}MB`,
    max_worker_processes: Math.max(8, vcpus),
    max_parallel_workers: vcpus,
    max_parallel_workers_per_gather: clamp(Math.floor(vcpus / 2), 1, 4),
    max_wal_size: `${maxWal}MB`,
    min_wal_size: `${Math.floor(maxWal / 4)}MB`,
    checkpoint_timeout: "5min",
    checkpoint_completion_target: 0.9,
    wal_compression: "lz4",
    // A volume of EBS: random reads cost little more than others, and many run at once.
    random_page_cost: 1.1,
    effective_io_concurrency: 200,
  };
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
