/**
 * The value of the SSM parameter `contract.<region>.clusterParameter`: settings that running database nodes apply without
 * a replacement. `dr-reconcile` on each region's leader applies them.
 */

import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { type DynamicConfig, dynamicConfig } from "./dynamic-config.js";

export interface ClusterConfig {
  /** Patroni's dynamic configuration, to PATCH when it differs. */
  readonly patroni: DynamicConfig;
  readonly databases: readonly {
    readonly name: string;
    readonly owner: string;
    /** Name of the secret with the owner's password, JSON `{"username", "password"}`. */
    readonly secret: string;
  }[];
}

export const clusterConfig = (
  settings: SharedSettings,
  contract: Contract,
  region: RegionId,
): ClusterConfig => ({
  patroni: dynamicConfig(settings, contract, contract[region]),
  databases: settings.databases.map(({ name, owner }) => ({
    name,
    owner,
    secret: contract.ownerSecret(owner),
  })),
});

export const renderClusterConfig = (settings: SharedSettings, contract: Contract, region: RegionId): string =>
  JSON.stringify(clusterConfig(settings, contract, region));
