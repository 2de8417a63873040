/** Patroni's `standby_cluster`, which makes a region follow the other one. */
import type { StandbySource } from "../shared/config.js";
import type { Role, Source } from "./region-facts.js";

export interface StandbyCluster {
  /** One address, or several with commas. */
  readonly host?: string;
  readonly port?: number;
  readonly primary_slot_name?: string;
  readonly restore_command?: string;
  readonly create_replica_methods: readonly string[];
}

/** A command that never finds anything. Patroni accepts a section without host and port only with such a command. */
export const NOTHING = "/bin/false";

/**
 * Renders the section both for patroni.yml of a region that starts as a standby and for the guard's role changes.
 *
 * With several hosts and a slot Patroni connects with `target_session_attrs=read-write`, so it can't follow a demoted
 * source: to follow a demoted node, the section names that node alone.
 */
export function standbyCluster(
  { addresses, port, slot, createReplicaMethods, vault }: StandbySource,
  from: Source,
): StandbyCluster {
  const methods = { create_replica_methods: createReplicaMethods };
  if (from.kind === "nobody") return { restore_command: NOTHING, ...methods };
  const host = from.kind === "node" ? from.address : addresses.join(",");
  const followed = { host, port, primary_slot_name: slot };
  if (from.kind !== "vault") return { ...followed, ...methods };
  const { restoreCommand } = vault;
  return { ...followed, restore_command: restoreCommand, create_replica_methods: vault.createReplicaMethods };
}

type PatroniConfig = Readonly<Record<string, unknown>> & { readonly standby_cluster?: StandbyCluster | null };

/** @param config Patroni's dynamic configuration, JSON. @returns undefined when it isn't valid. */
export function roleOf(config: string | undefined): Role | undefined {
  const cluster = parse(config);
  if (!cluster) return undefined;
  const { host, port, restore_command: command } = cluster.standby_cluster ?? {};
  if (!host && !port && !command) return { kind: "primary" };
  if (!host) return { kind: "standby", source: { kind: "nobody" } };
  return { kind: "standby", source: sourceOf(host, command) };
}

function sourceOf(host: string, command: string | undefined): Source {
  if (!host.includes(",")) return { kind: "node", address: host };
  return { kind: command ? "vault" : "region" };
}

/** The same configuration with another role. */
export function withRole(config: string, role: Role, source: StandbySource): string {
  const { standby_cluster: _, ...rest } = parse(config) ?? {};
  return JSON.stringify(
    role.kind === "primary" ? rest : { ...rest, standby_cluster: standbyCluster(source, role.source) },
  );
}

function parse(config: string | undefined): PatroniConfig | undefined {
  try {
    const value: unknown = config === undefined ? undefined : JSON.parse(config);
    return typeof value === "object" && value !== null ? (value as PatroniConfig) : undefined;
  } catch {
    return undefined;
  }
}
