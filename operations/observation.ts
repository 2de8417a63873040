/** What one place can see of both regions at one moment. Places fill it in; everything else only reads it. */
import type { Overrides, Status } from "../nodes/guard/region/region-facts.js";
import type { GuardStatus } from "../nodes/guard/status.js";

import type { RegionId } from "../settings/stacks.js";
import type { Known } from "./known.js";

/** A region's items in the claim table. */
export interface RegionRecord {
  /** Greatest claimed epoch; 0 for none. */
  readonly claimed: number;
  readonly status: Status;
  readonly overrides: Overrides;
}

export interface TableReading {
  /** Region of the replica that answered. */
  readonly readIn: string;
  /** The errors of the replicas that were tried before. */
  readonly failures: readonly string[];
  readonly regions: Readonly<Record<RegionId, RegionRecord>>;
}

export interface GuardReport {
  readonly node: string;
  readonly region: RegionId;
  readonly status: Known<GuardStatus>;
}

export interface Observation extends TableReading {
  /** When, by the wall clock here, in milliseconds. */
  readonly at: number;
  readonly guards: Known<readonly GuardReport[]>;
  /** Whether a region's own name answers `/dr/active` as its health check demands. */
  readonly healthy: Readonly<Record<RegionId, Known<boolean>>>;
}

export const REGION_IDS = ["home", "recovery"] as const;

/** The region with the greatest claim; undefined when no region has claimed an epoch. */
export function greatestOf({ regions: { home, recovery } }: Pick<TableReading, "regions">) {
  if (home.claimed === recovery.claimed) return undefined;
  return home.claimed > recovery.claimed ? "home" : "recovery";
}
