/** /etc/dr/guard.json: what the guard of a database node is told. */
import { GUARD_RENEW_MILLIS, GUARD_TIMEOUT_MILLIS } from "../settings/failover-time.js";
import type { SharedSettings } from "../settings/schema.js";
import { type Contract, type DatabaseNode, PORTS } from "../stacks/contract.js";
import type { GuardConfig } from "./guard/config.js";
import {
  clusterName,
  IMAGE_PATHS,
  isReadReplica,
  patroniNamespace,
  regionOfNode,
  TLS_FILES,
} from "./layout.js";

export const GUARD_CONFIG_FILE = `${IMAGE_PATHS.config}/guard.json`;

export function guardConfig(
  { name, failover }: SharedSettings,
  contract: Contract,
  node: DatabaseNode,
): GuardConfig {
  const region = regionOfNode(contract, node);
  // The own one first: it is nearest. On a read replica there is none.
  const voters = region.databaseNodes.toSorted(
    (a, b) => Number(b.name === node.name) - Number(a.name === node.name),
  );
  return {
    node: node.name,
    address: node.address,
    members: region.databaseNodes.map((member) => ({ name: member.name, address: member.address })),
    namespace: patroniNamespace({ name }),
    scope: clusterName(region),
    etcd: voters.map(({ address }) => `https://${address}:${PORTS.etcdClient}`),
    tls: { ...TLS_FILES },
    dataDirectory: `${IMAGE_PATHS.data}/postgres/data`,
    ports: { postgres: PORTS.postgres, patroni: PORTS.patroni, guard: PORTS.guard },
    leaderLease: {
      enabled: failover.leaderLease,
      leaseMillis: failover.leaderLeaseSeconds * 1000,
      renewMillis: GUARD_RENEW_MILLIS,
      timeoutMillis: GUARD_TIMEOUT_MILLIS,
    },
    mayLead: !isReadReplica(region, node),
  };
}

export const renderGuardConfig = (settings: SharedSettings, contract: Contract, node: DatabaseNode): string =>
  `${JSON.stringify(guardConfig(settings, contract, node))}\n`;
