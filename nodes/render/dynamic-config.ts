/**
 * Patroni's dynamic configuration: the settings in etcd that all members of a region's cluster share. A new cluster starts
 * with it (patroni.yml), a running cluster gets it from the cluster parameter.
 *
 * It doesn't say which region is active: the guards decide that from the claims, in `standby_cluster`.
 */

import type { Contract, RegionContract } from "../../settings/contract.js";
import {
  type PostgresParameters,
  postgresParameters,
  unobserved,
} from "../../settings/postgres-parameters.js";
import type { SharedSettings } from "../../settings/schema.js";
import { SLOT_PLUGIN } from "../guard/region/diverged.js";
import { clusterName, otherOf, standbySlot } from "../layout.js";
import { hba } from "./hba.js";

export interface DynamicConfig {
  readonly ttl: number;
  readonly loop_wait: number;
  readonly retry_timeout: number;
  readonly maximum_lag_on_failover: number;
  readonly primary_start_timeout: number;
  readonly synchronous_mode: "quorum";
  readonly synchronous_node_count: number;
  readonly check_timeline: true;
  readonly failsafe_mode: false;
  readonly slots: Readonly<Record<string, { readonly type: "physical" }>>;
  readonly ignore_slots: readonly { readonly type: "logical"; readonly plugin: string }[];
  readonly postgresql: {
    readonly use_pg_rewind: boolean;
    readonly remove_data_directory_on_rewind_failure: boolean;
    readonly remove_data_directory_on_diverged_timelines: boolean;
    readonly use_slots: boolean;
    readonly parameters: PostgresParameters;
    readonly pg_hba: readonly string[];
  };
}

/** A replica further behind than this never becomes leader, unless it is a synchronous one. */
const MAXIMUM_LAG_BYTES = 1_048_576;

/** @param isFirst for a new cluster: with the first database only, and what else its first minutes need */
export function dynamicConfig(
  settings: SharedSettings,
  contract: Contract,
  region: RegionContract,
  isFirst = false,
): DynamicConfig {
  const { failover, database } = settings;
  const parameters = postgresParameters(settings, clusterName(region));
  return {
    ttl: failover.ttlSeconds,
    loop_wait: failover.loopWaitSeconds,
    retry_timeout: failover.retryTimeoutSeconds,
    maximum_lag_on_failover: MAXIMUM_LAG_BYTES,
    primary_start_timeout: failover.primaryStartTimeoutSeconds,
    synchronous_mode: "quorum",
    // As many copies as nodes may fail: one of three, two of five.
    synchronous_node_count: (database.voters - 1) / 2,
    // Without it a former leader that returns with more bytes, all on an older timeline, can win an election while
    // the newer leader is silent, and the newer leader's acknowledged writes are lost.
    check_timeline: true,
    // With it, a region that has lost its etcd would continue to accept writes.
    failsafe_mode: false,
    // Permanent, but bounded by max_slot_wal_keep_size.
    slots: { [standbySlot(otherOf(contract, region))]: { type: "physical" } },
    // The guard's slots. Patroni drops slots that it doesn't know.
    ignore_slots: [{ type: "logical", plugin: SLOT_PLUGIN }],
    postgresql: {
      use_pg_rewind: true,
      remove_data_directory_on_rewind_failure: true,
      remove_data_directory_on_diverged_timelines: true,
      use_slots: true,
      parameters: isFirst ? unobserved(parameters) : parameters,
      pg_hba: hba(contract, isFirst ? settings.databases.slice(0, 1) : settings.databases, !isFirst),
    },
  };
}
