/** /etc/dr/guard.json: the configuration of the guard of a database node. */

import { type Contract, type DatabaseNode, PORTS, type RegionContract } from "../../settings/contract.js";
import { GUARD_RENEW_MILLIS, GUARD_TIMEOUT_MILLIS } from "../../settings/failover-time.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { GuardConfig, RegionRules, StandbySource } from "../guard/shared/config.js";
import {
  clusterName,
  DATA_DIRECTORY,
  IMAGE_PATHS,
  isReadReplica,
  otherOf,
  patroniNamespace,
  regionOfNode,
  standbySlot,
  TLS_FILES,
} from "../layout.js";

export function guardConfig(settings: SharedSettings, contract: Contract, node: DatabaseNode): GuardConfig {
  const { name, failover } = settings;
  const region = regionOfNode(contract, node);
  // The node's own etcd comes first, because it is nearest. A read replica has none.
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
    dataDirectory: DATA_DIRECTORY,
    ports: { postgres: PORTS.postgres, patroni: PORTS.patroni, guard: PORTS.guard },
    leaderLease: {
      enabled: failover.leaderLease,
      leaseMillis: failover.leaderLeaseSeconds * 1000,
      renewMillis: GUARD_RENEW_MILLIS,
      timeoutMillis: GUARD_TIMEOUT_MILLIS,
    },
    mayLead: !isReadReplica(region, node),
    region: regionSection(settings, contract, region),
  };
}

function regionSection(
  { network, promotion }: SharedSettings,
  contract: Contract,
  own: RegionContract,
): GuardConfig["region"] {
  const peer = otherOf(contract, own);
  // Without a NAT gateway there is no route to the other region's replica: the guard would only wait for it.
  const reachable = network.egress === "nat" ? [own, peer] : [own];
  return {
    own: own.region,
    peer: peer.region,
    table: contract.claimTable,
    endpoints: reachable.map(({ region }) => ({ region, url: `https://dynamodb.${region}.amazonaws.com` })),
    rules: regionRules(promotion),
    source: standbySource(contract, own),
    peerSlot: standbySlot(peer),
    startsAsStandby: own.id === "recovery",
  };
}

const regionRules = (promotion: SharedSettings["promotion"]): RegionRules => ({
  leaseMillis: promotion.leaseSeconds * 1000,
  marginMillis: promotion.marginSeconds * 1000,
  readMillis: promotion.readIntervalSeconds * 1000,
  lagBudgetMillis: promotion.lagBudgetSeconds * 1000,
});

/** Where a standby region gets its log from: the node that leads the other region. */
export const standbySource = (contract: Contract, standby: RegionContract): StandbySource => ({
  addresses: otherOf(contract, standby).databaseNodes.map(({ address }) => address),
  port: PORTS.postgres,
  slot: standbySlot(standby),
  createReplicaMethods: ["basebackup"],
  vault: {
    createReplicaMethods: ["basebackup", VAULT_METHOD],
    restoreCommand: `${IMAGE_PATHS.scripts}/dr-get-wal ${clusterName(otherOf(contract, standby))} %f "%p"`,
  },
});

/** The name in Patroni for restoring a node's data from the copy of the other region's vault. */
export const VAULT_METHOD = "vault";

export const renderGuardConfig = (settings: SharedSettings, contract: Contract, node: DatabaseNode): string =>
  `${JSON.stringify(guardConfig(settings, contract, node))}\n`;
