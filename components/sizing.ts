/** How much of a region runs, from what its stack file says. No Pulumi here. */
import type { RegionSettings } from "../settings/schema.js";

export type Role = "active" | "standby";

export interface RegionSize {
  readonly role: Role;
  /** Machines per database node: 1, or 0 where none runs ahead of time. */
  readonly machinesPerNode: 0 | 1;
  /** Fewest and most Tomcat servers. */
  readonly fleet: { readonly min: number; readonly max: number };
}

type SizingSettings = Pick<RegionSettings, "epoch" | "yieldedTo" | "site"> & {
  readonly fleet: Pick<RegionSettings["fleet"], "minSize" | "fullSize" | "maxSize">;
};

/**
 * A region with an epoch runs at full size until its stack file says that it has yielded to a later one;
 * then, and before any epoch, `site` decides. This is about cost: who may write is the guards' business.
 */
export function regionSize({ epoch, yieldedTo, site, fleet }: SizingSettings): RegionSize {
  const full = { machinesPerNode: 1, fleet: { min: fleet.fullSize, max: fleet.maxSize } } as const;
  if (epoch > 0 && epoch > yieldedTo) return { role: "active", ...full };
  switch (site) {
    case "cold":
      // A maximum of 0 too: a group lowered to a minimum of 0 alone would keep its servers.
      return { role: "standby", machinesPerNode: 0, fleet: { min: 0, max: 0 } };
    case "warm":
      return { role: "standby", machinesPerNode: 1, fleet: { min: fleet.minSize, max: fleet.maxSize } };
    case "hot":
      return { role: "standby", ...full };
  }
}

/** Reservations are per zone, and it is unknown which zone gets the odd server: each zone's share, rounded up. */
export const reservedPerZone = (fullSize: number, zones: number): number => Math.ceil(fullSize / zones);
