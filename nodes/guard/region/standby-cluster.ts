/** Patroni's `standby_cluster`: what makes a region follow the other. */
import type { StandbySource } from "../config.js";
import type { Source } from "./facts.js";

export interface StandbyCluster {
  /** One address, or several with commas. */
  readonly host: string;
  readonly port: number;
  readonly primary_slot_name: string;
  readonly create_replica_methods: readonly string[];
}

/**
 * The one way to it: patroni.yml of a region that starts as standby, and what the guard makes of a running one.
 *
 * With several hosts and a slot Patroni asks for `target_session_attrs=read-write`. So it can't follow a source
 * that has been demoted: for that time the demoted node stands there alone.
 */
export const standbyCluster = (
  { addresses, port, slot, createReplicaMethods }: StandbySource,
  from: Source,
): StandbyCluster => ({
  host: from.kind === "node" ? from.address : addresses.join(","),
  port,
  primary_slot_name: slot,
  create_replica_methods: createReplicaMethods,
});
