/** patroni.yml of a database node. Passwords come from the environment, never from this file. */
import { stringify } from "yaml";
import { type Contract, DATABASE_LOGINS, type DatabaseNode, PORTS } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import { standbyCluster } from "../guard/region/standby-cluster.js";
import {
  clusterName,
  DATA_DIRECTORY,
  IMAGE_PATHS,
  isReadReplica,
  otherOf,
  POSTGRES_RUN,
  patroniNamespace,
  regionOfNode,
  TLS_FILES,
} from "../layout.js";
import { dynamicConfig } from "./dynamic-config.js";
import { standbySource, VAULT_METHOD } from "./guard-config.js";

const { postgresBin, scripts, sockets } = IMAGE_PATHS;
const { authority, certificate, key } = TLS_FILES;

/** For connections between nodes. They use addresses, so the name in the certificate is not checked. */
const VERIFIED = { sslmode: "verify-ca", sslrootcert: authority } as const;

export function renderPatroni(settings: SharedSettings, contract: Contract, node: DatabaseNode): string {
  const region = regionOfNode(contract, node);
  const config = {
    scope: clusterName(region),
    namespace: patroniNamespace(settings),
    name: node.name,
    restapi: {
      listen: `${node.address}:${PORTS.patroni}`,
      connect_address: `${node.address}:${PORTS.patroni}`,
      certfile: certificate,
      keyfile: key,
      cafile: authority,
      // Every client that reaches the port may read; only a member with a certificate may change anything.
      verify_client: "optional",
      allowlist: ["127.0.0.1"],
      allowlist_include_members: true,
    },
    // For patronictl, and for requests between members.
    ctl: { cacert: authority, certfile: certificate, keyfile: key },
    etcd3: {
      hosts: region.databaseNodes.map(({ address }) => `${address}:${PORTS.etcdClient}`),
      protocol: "https",
      cacert: authority,
      cert: certificate,
      key,
    },
    bootstrap: {
      // A new cluster starts with this; later changes go to etcd, not here. It contains only the application's
      // database: the others follow with the cluster parameter, so that another database changes no machine.
      dcs: {
        ...dynamicConfig(settings, contract, region, true),
        ...(region.id === "recovery" && {
          standby_cluster: standbyCluster(standbySource(contract, region), { kind: "vault" }),
        }),
      },
      // Not Patroni's own initdb: it would begin an empty cluster beside backups.
      method: "begin",
      begin: { command: `${scripts}/dr-begin-cluster` },
      post_bootstrap: `${scripts}/dr-post-bootstrap`,
    },
    postgresql: {
      listen: `127.0.0.1,${node.address}:${PORTS.postgres}`,
      connect_address: `${node.address}:${PORTS.postgres}`,
      // The superuser connects only over the Unix socket, by its Unix login.
      use_unix_socket: true,
      data_dir: DATA_DIRECTORY,
      bin_dir: postgresBin,
      // Not spread over minutes: a replica waits for this checkpoint.
      basebackup: [{ checkpoint: "fast" }],
      // Only for a region without data: `standby_cluster` says when.
      [VAULT_METHOD]: {
        command: `${scripts}/dr-restore-from-vault`,
        no_leader: true,
        no_params: true,
        stanza: clusterName(otherOf(contract, region)),
      },
      pgpass: `${POSTGRES_RUN}/pgpass`,
      authentication: {
        superuser: { username: DATABASE_LOGINS.superuser },
        replication: { username: DATABASE_LOGINS.replication, ...VERIFIED },
        rewind: { username: DATABASE_LOGINS.rewind, ...VERIFIED },
      },
      // No pg_hba here: it would take precedence over the one in etcd, which running nodes use.
      parameters: {
        unix_socket_directories: sockets,
        ssl: true,
        ssl_cert_file: certificate,
        ssl_key_file: key,
        ssl_ca_file: authority,
      },
    },
    // Without such a device Patroni continues without a watchdog; on EC2 it is the kernel's own (softdog).
    watchdog: { mode: "automatic", device: "/dev/watchdog", safety_margin: 5 },
    tags: isReadReplica(region, node) ? { nofailover: true, nosync: true } : { failover_priority: 1 },
  };
  // PyYAML reads YAML 1.1, in which a bare `on` or `no` is a boolean.
  return stringify(config, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}
