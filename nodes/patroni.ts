/** patroni.yml of a database node. Passwords come from the environment, never from this file. */
import { stringify } from "yaml";
import type { SharedSettings } from "../settings/schema.js";
import { type Contract, DATABASE_LOGINS, type DatabaseNode, PORTS } from "../stacks/contract.js";
import {
  APPLICATION_DATABASE,
  clusterName,
  IMAGE_PATHS,
  type NodePaths,
  otherOf,
  regionOfNode,
  standbySlot,
} from "./layout.js";

/** A dead standby region may hold back this share of the volume in WAL; then its slot is given up. */
const SLOT_SHARE_OF_VOLUME = 0.25;

export function renderPatroni(
  settings: SharedSettings,
  contract: Contract,
  node: DatabaseNode,
  paths: NodePaths = IMAGE_PATHS,
): string {
  const region = regionOfNode(contract, node);
  const other = otherOf(contract, region);
  const config = {
    scope: clusterName(region),
    namespace: `/${settings.name}/`,
    name: node.name,
    restapi: {
      listen: `${node.address}:${PORTS.patroni}`,
      connect_address: `${node.address}:${PORTS.patroni}`,
      // Whoever reaches the port may ask; only members of the cluster may change anything.
      allowlist: ["127.0.0.1"],
      allowlist_include_members: true,
    },
    etcd3: { hosts: region.databaseNodes.map(({ address }) => `${address}:${PORTS.etcdClient}`) },
    bootstrap: {
      // What a cluster that has never existed starts with; later changes go to etcd, not here. Which region
      // is active is not decided here either: the guards do that from the claims.
      dcs: {
        // Patroni wants ttl ≥ 20 and loop_wait + 2 × retry_timeout ≤ ttl.
        ttl: 20,
        loop_wait: 1,
        retry_timeout: 4,
        maximum_lag_on_failover: 1_048_576,
        primary_start_timeout: 0,
        synchronous_mode: "quorum",
        synchronous_node_count: 1,
        // With it, a region that has lost its etcd would go on writing.
        failsafe_mode: false,
        slots: { [standbySlot(other)]: { type: "physical" } },
        ...(region.id === "recovery" && {
          standby_cluster: {
            host: other.databaseNodes.map(({ address }) => address).join(","),
            port: PORTS.postgres,
            primary_slot_name: standbySlot(region),
            create_replica_methods: ["basebackup"],
          },
        }),
        postgresql: {
          use_pg_rewind: true,
          remove_data_directory_on_rewind_failure: true,
          remove_data_directory_on_diverged_timelines: true,
          use_slots: true,
          parameters: parameters(settings, clusterName(region)),
        },
      },
      initdb: [{ encoding: "UTF8" }, { locale: "C.UTF-8" }, "data-checksums"],
      post_bootstrap: "/usr/local/sbin/dr-post-bootstrap",
    },
    postgresql: {
      listen: `127.0.0.1,${node.address}:${PORTS.postgres}`,
      connect_address: `${node.address}:${PORTS.postgres}`,
      data_dir: `${paths.data}/postgres/data`,
      bin_dir: paths.postgresBin,
      pgpass: `${paths.run}/pgpass`,
      authentication: {
        superuser: { username: DATABASE_LOGINS.superuser },
        replication: { username: DATABASE_LOGINS.replication, sslmode: "require" },
        rewind: { username: DATABASE_LOGINS.rewind, sslmode: "require" },
      },
      parameters: {
        unix_socket_directories: "/var/run/postgresql",
        ssl: true,
        ssl_cert_file: `${paths.data}/tls/server.crt`,
        ssl_key_file: `${paths.data}/tls/server.key`,
      },
      pg_hba: hba(contract),
    },
    tags: { failover_priority: 1 },
  };
  // PyYAML reads YAML 1.1, in which a bare `on` or `no` is a boolean.
  return stringify(config, { version: "1.1", lineWidth: 0 });
}

function parameters({ backup, database }: SharedSettings, stanza: string) {
  return {
    wal_level: "logical",
    hot_standby: true,
    wal_log_hints: true,
    max_wal_senders: 16,
    max_replication_slots: 16,
    max_slot_wal_keep_size: `${Math.floor(database.volumeGib * 1024 * SLOT_SHARE_OF_VOLUME)}MB`,
    archive_mode: "on",
    archive_timeout: `${backup.archiveTimeoutSeconds}s`,
    archive_command: `pgbackrest --stanza=${stanza} archive-push %p`,
    password_encryption: "scram-sha-256",
    // A peer that is gone without a word is noticed within seconds.
    wal_sender_timeout: "5s",
    wal_receiver_timeout: "5s",
    tcp_user_timeout: "5s",
  };
}

/** Everything over TLS except what stays on the machine. */
function hba(contract: Contract): string[] {
  const { superuser, replication, rewind, application } = DATABASE_LOGINS;
  const regions = [contract.home, contract.recovery];
  const nodes = regions.map(({ dataCidr }) => dataCidr);
  const servers = regions.flatMap(({ privateCidrs }) => privateCidrs);
  const line = (type: string, database: string, user: string, from: string, method: string) =>
    [type, database, user, from, method].filter(Boolean).join(" ");
  return [
    line("local", "all", superuser, "", "peer"),
    line("host", "all", superuser, "127.0.0.1/32", "scram-sha-256"),
    // Patroni checks replication on its own node over loopback.
    line("host", "replication", replication, "127.0.0.1/32", "scram-sha-256"),
    ...nodes.map((from) => line("hostssl", "replication", replication, from, "scram-sha-256")),
    ...nodes.map((from) => line("hostssl", "postgres", replication, from, "scram-sha-256")),
    ...nodes.map((from) => line("hostssl", "postgres", rewind, from, "scram-sha-256")),
    ...servers.map((from) => line("hostssl", APPLICATION_DATABASE, application, from, "scram-sha-256")),
  ];
}
