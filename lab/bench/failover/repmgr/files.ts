/**
 * Node files of a repmgr cluster on this project's machines: same image, volume, secrets, certificates, PostgreSQL
 * parameters and HAProxy; repmgr in the place of Patroni, etcd and the guard. Pure.
 */
import { readFileSync } from "node:fs";
import { stringify } from "yaml";
import {
  clusterName,
  DATA_DIRECTORY,
  GUARD_CONFIG_FILE,
  IMAGE_PATHS,
  type NodeFile,
  TLS_FILES,
} from "../../../../nodes/layout.js";
import { hba } from "../../../../nodes/render/hba.js";
import { NODE_ENV_FILE, renderDatabaseEnv, SECRETS_FILE } from "../../../../nodes/render/node-env.js";
import { renderPgbackrest } from "../../../../nodes/render/pgbackrest.js";
import { SECRETS_UNIT, VOLUME_UNIT } from "../../../../nodes/render/units.js";
import { type Contract, type DatabaseNode, PORTS } from "../../../../settings/contract.js";
import { postgresParameters } from "../../../../settings/postgres-parameters.js";
import type { SharedSettings } from "../../../../settings/schema.js";

const { config, postgresBin, patroniBin, sockets, pgbackrest } = IMAGE_PATHS;

/**
 * repmgr's default detection, written out: repmgrd tries a silent primary six times, ten seconds apart.
 * Source: https://www.repmgr.org/docs/current/repmgrd-basic-configuration.html
 */
export const DETECTION = { reconnectAttempts: 6, reconnectIntervalSeconds: 10 } as const;

export function renderRepmgr(contract: Contract, node: DatabaseNode): string {
  const id = contract.home.databaseNodes.findIndex(({ name }) => name === node.name) + 1;
  const command = (words: string) => `/usr/bin/repmgr ${words} -f ${config}/repmgr.conf`;
  // connect_timeout as repmgr's manual advises: without it a peer that is silent holds repmgrd up for minutes.
  const conninfo = `host=${node.address} user=repmgr dbname=repmgr connect_timeout=2 sslmode=verify-ca sslrootcert=${TLS_FILES.authority}`;
  const settings: Readonly<Record<string, string | number>> = {
    node_id: id,
    node_name: node.name,
    conninfo,
    data_directory: DATA_DIRECTORY,
    pg_bindir: postgresBin,
    failover: "automatic",
    promote_command: command("standby promote"),
    follow_command: `${command("standby follow")} --upstream-node-id=%n`,
    reconnect_attempts: DETECTION.reconnectAttempts,
    reconnect_interval: DETECTION.reconnectIntervalSeconds,
  };
  return lines(settings);
}

export function renderPostgresql(settings: SharedSettings, contract: Contract, node: DatabaseNode): string {
  const names = contract.home.databaseNodes.map(({ name }) => `"${name}"`).join(", ");
  return lines({
    // The same as everywhere, and what Patroni would set itself.
    ...postgresParameters(settings, clusterName(contract.home)),
    listen_addresses: `127.0.0.1,${node.address}`,
    port: PORTS.postgres,
    cluster_name: clusterName(contract.home),
    unix_socket_directories: sockets,
    hba_file: `${config}/pg_hba.conf`,
    ident_file: `${DATA_DIRECTORY}/pg_ident.conf`,
    ssl: true,
    ssl_cert_file: TLS_FILES.certificate,
    ssl_key_file: TLS_FILES.key,
    ssl_ca_file: TLS_FILES.authority,
    shared_preload_libraries: "repmgr",
    // A node is never its own standby: of the three names, only the two other nodes can confirm.
    synchronous_standby_names: `ANY 1 (${names})`,
    // Without slots, repmgr's default, a standby that was away needs the WAL to be there still.
    wal_keep_size: "1GB",
  });
}

function renderHba(settings: SharedSettings, contract: Contract): string {
  const own = `hostssl repmgr,replication repmgr ${contract.home.dataCidr} scram-sha-256`;
  return `${[own, ...hba(contract, settings.databases)].join("\n")}\n`;
}

/** cloud-config of a database node. */
export function renderRepmgrUserData(
  settings: SharedSettings,
  contract: Contract,
  node: DatabaseNode,
): string {
  const first = contract.home.databaseNodes[0] as DatabaseNode;
  const files: NodeFile[] = [
    file(NODE_ENV_FILE, renderDatabaseEnv(contract, node)),
    file(`${config}/repmgr.env`, `NODE_ADDRESS=${node.address}\nFIRST_ADDRESS=${first.address}\n`),
    file(`${config}/repmgr.conf`, renderRepmgr(contract, node)),
    file(`${config}/postgresql.conf`, renderPostgresql(settings, contract, node)),
    file(`${config}/pg_hba.conf`, renderHba(settings, contract)),
    file(pgbackrest, renderPgbackrest(settings, contract, node)),
    // No guard runs here: dr-prepare-data takes the nodes' names from it.
    file(GUARD_CONFIG_FILE, JSON.stringify({ members: contract.home.databaseNodes })),
    program("dr-repmgr"),
    program("check.py"),
    unit("dr-volume", VOLUME_UNIT),
    unit("dr-secrets", SECRETS_UNIT),
    unit("dr-postgres", POSTGRES_UNIT),
    unit(
      "dr-repmgrd",
      service(
        "repmgrd",
        `/usr/bin/repmgrd -f ${config}/repmgr.conf --daemonize=false --no-pid-file`,
        "Restart=always\nRestartSec=1\n",
      ),
    ),
    unit(
      "dr-check",
      service(
        "Who is primary",
        `${patroniBin}/python3 /usr/local/sbin/check.py ${node.address}`,
        "Restart=always\nRestartSec=1\n",
      ),
    ),
    unit("dr-repmgr", START_UNIT),
  ];
  const units = ["dr-volume", "dr-secrets", "dr-check", "dr-repmgr"].map((name) => `${name}.service`);
  return `#cloud-config\n${stringify(
    {
      hostname: node.name,
      write_files: files.map(({ path, mode, content }) => ({ path, permissions: mode, content })),
      runcmd: [
        ["systemctl", "daemon-reload"],
        ["systemctl", "start", "--no-block", ...units],
      ],
    },
    { version: "1.1", lineWidth: 0 },
  )}`;
}

function service(description: string, start: string, more: string): string {
  return `[Unit]
Description=${description}
Requires=dr-secrets.service
After=dr-secrets.service
StartLimitIntervalSec=0

[Service]
Type=simple
User=postgres
Group=postgres
EnvironmentFile=${SECRETS_FILE}
ExecStart=${start}
${more}`;
}

/** Not restarted when it crashes: neither is it by Debian's own unit (postgresql@.service), which gives the reason. */
const POSTGRES_UNIT = service(
  "PostgreSQL",
  `${postgresBin}/postgres -D ${DATA_DIRECTORY} -c config_file=${config}/postgresql.conf`,
  "KillMode=mixed\nKillSignal=SIGINT\nTimeoutStopSec=30\n",
);

const START_UNIT = `[Unit]
Description=Make or join the cluster

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=${NODE_ENV_FILE}
ExecStart=/usr/local/sbin/dr-repmgr start
TimeoutStartSec=5min
`;

/** In the syntax that postgresql.conf and repmgr.conf share. */
const lines = (settings: Readonly<Record<string, string | number | boolean>>): string =>
  `${Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === "boolean" ? (value ? "on" : "off") : `'${value}'`}`)
    .join("\n")}\n`;

const file = (path: string, content: string): NodeFile => ({ path, content, mode: "0644" });
const unit = (name: string, content: string) => file(`/etc/systemd/system/${name}.service`, content);
const program = (name: string): NodeFile => ({
  path: `/usr/local/sbin/${name}`,
  content: readFileSync(new URL(name, import.meta.url), "utf8"),
  mode: "0755",
});
