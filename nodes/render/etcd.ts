/**
 * Environment of etcd on a voter. One etcd cluster per region; it never spans regions.
 *
 * Clients and peers must present a certificate. etcd 3.4's own JSON gateway is such a client and presents the server's
 * certificate, which must therefore be valid for clients too.
 */

import { type Contract, type DatabaseNode, PORTS } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import { clusterName, IMAGE_PATHS, regionOfNode, TLS_FILES } from "../layout.js";

export function renderEtcd(settings: SharedSettings, contract: Contract, node: DatabaseNode): string {
  const region = regionOfNode(contract, node);
  const peer = (address: string) => `https://${address}:${PORTS.etcdPeer}`;
  const client = (address: string) => `https://${address}:${PORTS.etcdClient}`;
  const tls = (prefix: string) => ({
    [`${prefix}CERT_FILE`]: TLS_FILES.certificate,
    [`${prefix}KEY_FILE`]: TLS_FILES.key,
    [`${prefix}TRUSTED_CA_FILE`]: TLS_FILES.authority,
    [`${prefix}CLIENT_CERT_AUTH`]: "true",
  });
  const variables = {
    NAME: node.name,
    // On the data volume: a replaced machine is the same member as before.
    DATA_DIR: `${IMAGE_PATHS.data}/etcd`,
    LISTEN_PEER_URLS: peer(node.address),
    LISTEN_CLIENT_URLS: [client(node.address), client("127.0.0.1")].join(","),
    INITIAL_ADVERTISE_PEER_URLS: peer(node.address),
    ADVERTISE_CLIENT_URLS: client(node.address),
    INITIAL_CLUSTER: region.databaseNodes.map(({ name, address }) => `${name}=${peer(address)}`).join(","),
    INITIAL_CLUSTER_TOKEN: clusterName(region),
    // etcd ignores it once the data folder contains a member.
    INITIAL_CLUSTER_STATE: "new",
    ...tls(""),
    ...tls("PEER_"),
    // Milliseconds. The zones of a region are about a millisecond apart.
    HEARTBEAT_INTERVAL: `${settings.failover.etcdHeartbeatMillis}`,
    ELECTION_TIMEOUT: `${settings.failover.etcdElectionMillis}`,
    // Without it, a member that was cut off returns with a term that it raised alone, and the cluster has no leader until
    // that member has lost some elections: 3 s in one case, longer than Patroni tries.
    PRE_VOTE: "true",
    AUTO_COMPACTION_MODE: "periodic",
    AUTO_COMPACTION_RETENTION: "1h",
    STRICT_RECONFIG_CHECK: "true",
  };
  return `${Object.entries(variables)
    .map(([name, value]) => `ETCD_${name}=${value}`)
    .join("\n")}\n`;
}
