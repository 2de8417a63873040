/** Both regions at a glance, from an observation: roles, epochs, lag, reasons to wait. Pure. */

import { duration, seconds } from "../common/duration.js";
import type { EscrowState } from "../escrow/record.js";
import type { Position } from "../nodes/guard/region/region-facts.js";
import { type Contract, otherRegion } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import type { EscrowStates } from "./escrow.js";
import { ifKnown, type Known, known, unknown } from "./known.js";
import { type Lag, lagOf } from "./lag.js";
import { type Leading, leadingGuard } from "./leading.js";
import { greatestOf, type Observation, REGION_IDS } from "./observation.js";
import type { Backup, VaultBackups } from "./vault/newest-backup.js";

/** `pending`: it has the greatest claim and has not opened it yet. */
export type RegionRole = "active" | "pending" | "standby";

export interface Lease {
  readonly node: string;
  /** Region lease: 0 where the node may not serve writes. */
  readonly regionMillis: number;
  /** How long the kernel will keep its port open without a renewal. */
  readonly portMillis: number;
}

export type AgedBackup = Backup & { readonly ageSeconds: number };

export interface RegionGlance {
  readonly region: string;
  readonly stack: "prod" | "dr";
  readonly role: RegionRole;
  readonly epoch: { readonly claimed: number; readonly opened: number };
  readonly leader: Known<string>;
  /** Age of the last position that an active region has published; undefined where none is expected. */
  readonly publishedAgeSeconds?: Known<number>;
  /** Undefined where there is nothing to follow. */
  readonly lag?: Lag;
  readonly leases: Known<readonly Lease[]>;
  /** The region's newest own backup in its vault; null: none yet. */
  readonly lastBackup: Known<AgedBackup | null>;
  /** The newest copy of the other region's backups in this vault, to restore from if the other region is lost. */
  readonly copiedBackup: Known<AgedBackup | null>;
  /** The region's record of the last verified escrow. */
  readonly escrow: Known<EscrowState>;
  /** As the failover record's health check sees it. */
  readonly healthy: Known<boolean>;
  /** Overrides of the claimed epoch; overrides of earlier epochs no longer have an effect. */
  readonly overrides: readonly ("fenced" | "acceptDataLoss")[];
  /** Why a pending region waits; null when it has nothing left to wait for. */
  readonly waitsFor?: Known<string | null>;
  /** The progress of a region that must yield. */
  readonly yields?: string;
}

export interface Glance {
  readonly at: string;
  /** In one sentence. */
  readonly summary: string;
  readonly table: { readonly readIn: string; readonly failures: readonly string[] };
  readonly regions: Readonly<Record<RegionId, RegionGlance>>;
}

export function glanceAt(
  observation: Observation,
  contract: Pick<Contract, RegionId>,
  { leaseSeconds }: Pick<SharedSettings["promotion"], "leaseSeconds">,
  backups: Readonly<Record<RegionId, VaultBackups>>,
  escrow: EscrowStates,
): Glance {
  const { at, readIn, failures } = observation;
  const [home, recovery] = REGION_IDS.map((id) => ({
    ...regionGlance(observation, contract, id, leaseSeconds),
    lastBackup: withAge(backups[id].own, at),
    copiedBackup: withAge(backups[id].copied, at),
    escrow: escrow[id],
  }));
  const regions = { home: home as RegionGlance, recovery: recovery as RegionGlance };
  return {
    at: new Date(at).toISOString(),
    summary: summaryOf(observation, regions, leaseSeconds),
    table: { readIn, failures },
    regions,
  };
}

export function roleOf(observation: Pick<Observation, "regions">, id: RegionId): RegionRole {
  if (greatestOf(observation) !== id) return "standby";
  const { claimed, status } = observation.regions[id];
  return status.opened === claimed ? "active" : "pending";
}

function regionGlance(
  observation: Observation,
  contract: Pick<Contract, RegionId>,
  id: RegionId,
  leaseSeconds: number,
): Omit<RegionGlance, "lastBackup" | "copiedBackup" | "escrow"> {
  const { claimed, status, overrides } = observation.regions[id];
  const role = roleOf(observation, id);
  const yields = yieldsOf(observation, id);
  const leader = leadingGuard(observation, id);
  return {
    region: contract[id].region,
    stack: contract[id].stack,
    role,
    epoch: { claimed, opened: status.opened },
    leader: leaderOf(observation, id, leader),
    publishedAgeSeconds:
      role === "active" || yields !== undefined ? ageOf(observation.at, status.position) : undefined,
    lag: role === "active" || yields !== undefined ? undefined : lagOf(observation, id, leaseSeconds),
    leases: leasesOf(observation, id),
    healthy: observation.healthy[id],
    overrides: (["fenced", "acceptDataLoss"] as const).filter(
      (what) => claimed > 0 && overrides[what] === claimed,
    ),
    waitsFor: role === "pending" ? waitsForOf(observation, leader) : undefined,
    yields,
  };
}

function withAge(backup: Known<Backup | null>, at: number): Known<AgedBackup | null> {
  if ("unknown" in backup || backup.value === null) return backup as Known<null>;
  const { value } = backup;
  return known({ ...value, ageSeconds: seconds(at - Date.parse(value.endedAt)) });
}

function leaderOf(
  { guards, regions }: Observation,
  id: RegionId,
  leading: Leading | undefined,
): Known<string> {
  if (leading) return known(leading.node);
  if ("value" in guards) return unknown("no guard names one");
  const { status, claimed } = regions[id];
  const node = claimed > 0 && status.opened === claimed ? status.position?.node : status.proof?.node;
  const said = node ?? status.position?.node;
  return said === undefined ? unknown("no guard has published yet") : known(said);
}

const ageOf = (at: number, position: Position | undefined): Known<number> =>
  position ? known(seconds(at - position.wallMillis)) : unknown("no position published");

function leasesOf({ guards }: Observation, id: RegionId): Known<readonly Lease[]> {
  if ("unknown" in guards) return guards;
  const leases = guards.value
    .filter(({ region }) => region === id)
    .flatMap(({ node, status }) => {
      const told = ifKnown(status);
      if (!told) return [];
      const { port, region } = told;
      return [
        {
          node,
          regionMillis: region.leaseLeftMillis,
          portMillis: typeof port === "string" ? 0 : port.leftMillis,
        },
      ];
    });
  return leases.length > 0 ? known(leases) : unknown("no guard answers");
}

function waitsForOf({ guards }: Observation, leading: Leading | undefined): Known<string | null> {
  if ("unknown" in guards) return guards;
  if (!leading?.status) return unknown("no guard of a leader answers");
  return known(leading.status.region.waitsFor ?? null);
}

/** @returns undefined for a region that the other one doesn't wait for. */
export function yieldsOf(observation: Pick<Observation, "regions">, id: RegionId): string | undefined {
  const other = otherRegion(id);
  const { claimed, status } = observation.regions[id];
  if (claimed === 0 || roleOf(observation, other) !== "pending") return undefined;
  const { claimed: epoch, status: theirs } = observation.regions[other];
  // The other has been active since this one was.
  if (claimed < theirs.opened) return undefined;
  if (status.released?.epoch === epoch) return `has released for epoch ${epoch}`;
  if (status.demoted && status.demoted.of === status.opened)
    return `has demoted ${status.demoted.node}, but has yet to release for epoch ${epoch}`;
  return `has not closed for epoch ${epoch} yet`;
}

/** After this silence, a region that can still reach the table serves no clients: it must publish to serve. */
const silentAfterSeconds = (leaseSeconds: number): number => 2 * leaseSeconds;

function summaryOf(
  observation: Observation,
  regions: Readonly<Record<RegionId, RegionGlance>>,
  leaseSeconds: number,
): string {
  const id = greatestOf(observation);
  if (!id) return "No region has claimed an epoch: no region may take writes.";
  const other = otherRegion(id);
  const { role, epoch, publishedAgeSeconds, waitsFor } = regions[id];
  if (role === "pending") {
    const reason = waitsFor && ifKnown(waitsFor);
    const why = reason ?? (regions[other].yields && `${other} ${regions[other].yields}`);
    return `${id} is to become active in epoch ${epoch.claimed}${why ? `, but waits: ${why}` : ""}.`;
  }
  const age = publishedAgeSeconds && ifKnown(publishedAgeSeconds);
  if (age !== undefined && age > silentAfterSeconds(leaseSeconds))
    return `${id} is active in epoch ${epoch.claimed} by its claim, but has been silent for ${duration(age)}: it takes no writes, or is unreachable.`;
  const behind = regions[other].lag && ifKnown(regions[other].lag.seconds);
  const standby =
    behind === undefined ? `the lag of ${other} is unknown` : `${other} is ${duration(behind)} behind`;
  return `${id} is active in epoch ${epoch.claimed}; ${standby}.`;
}
