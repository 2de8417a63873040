/** Environment of etcd on a database node. One etcd cluster per region; it never spans regions. */
import type { SharedSettings } from "../settings/schema.js";
import { type Contract, type DatabaseNode, PORTS } from "../stacks/contract.js";
import { clusterName, IMAGE_PATHS, type NodePaths, regionOfNode } from "./layout.js";

export function renderEtcd(
  _settings: SharedSettings,
  contract: Contract,
  node: DatabaseNode,
  paths: NodePaths = IMAGE_PATHS,
): string {
  const region = regionOfNode(contract, node);
  const peer = (address: string) => `http://${address}:${PORTS.etcdPeer}`;
  const client = (address: string) => `http://${address}:${PORTS.etcdClient}`;
  const variables = {
    NAME: node.name,
    // On the data volume: a replaced machine is the same member as before.
    DATA_DIR: `${paths.data}/etcd`,
    LISTEN_PEER_URLS: peer(node.address),
    LISTEN_CLIENT_URLS: [client(node.address), client("127.0.0.1")].join(","),
    INITIAL_ADVERTISE_PEER_URLS: peer(node.address),
    ADVERTISE_CLIENT_URLS: client(node.address),
    INITIAL_CLUSTER: region.databaseNodes.map(({ name, address }) => `${name}=${peer(address)}`).join(","),
    INITIAL_CLUSTER_TOKEN: clusterName(region),
    // Ignored once the data folder has a member in it.
    INITIAL_CLUSTER_STATE: "new",
    // Milliseconds. The zones of a region are about a millisecond apart.
    HEARTBEAT_INTERVAL: "50",
    ELECTION_TIMEOUT: "500",
    AUTO_COMPACTION_MODE: "periodic",
    AUTO_COMPACTION_RETENTION: "1h",
    STRICT_RECONFIG_CHECK: "true",
  };
  return `${Object.entries(variables)
    .map(([name, value]) => `ETCD_${name}=${value}`)
    .join("\n")}\n`;
}
