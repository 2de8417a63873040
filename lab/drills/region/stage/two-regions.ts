/** What drills about two regions ask of the twin, and no more. */
import type { Status } from "../../../../nodes/guard/region/region-facts.js";
import type { RegionId } from "../../../../settings/stacks.js";
import type { ClaimFaults } from "../../../twin/claims/faults.js";
import type { Outside } from "../../../twin/network/outside.js";
import type { RegionTwin } from "../../../twin/open.js";

export interface Claims {
  /** @returns false when the epoch is claimed already. */
  claim(region: RegionId, epoch: number): Promise<boolean>;
  override(region: RegionId, what: "fenced" | "acceptDataLoss", epoch: number): Promise<boolean>;
  read(): Promise<{
    /** Greatest claimed epoch of each; 0 for none. */
    readonly epoch: Readonly<Record<RegionId, number>>;
    readonly status: Readonly<Record<RegionId, Status>>;
  }>;
  /** The link of one region's machines. What is set takes the place of what was set before. */
  proxy(region: RegionId): { set(faults: ClaimFaults): void | Promise<void> };
}

/** What happens to a whole region at once. */
export interface RegionMachines {
  /** Power off, of all its machines. */
  kill(): Promise<void>;
  /** Starts those that are dead; settles when they have booted. */
  boot(): Promise<void>;
  /** Cuts it from the other region and from the claim tables of both. Its machines, and its users, reach each other. */
  isolate(): Promise<void>;
  heal(): Promise<void>;
  /** Of its database nodes; its Tomcat servers go on, and look for a leader elsewhere. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

export interface TwoRegions {
  readonly running: RegionTwin;
  readonly claims: Claims;
  region(id: RegionId): RegionMachines;
  /** Where users are; the same at each call, and gone with the twin. */
  outside(): Promise<Outside>;
}

/** Raises a region's epoch to this one: plain claim, `pulumi up`, whatever the runner is about. @throws Error when it did not. */
export type Raise = (region: RegionId, epoch: number) => Promise<void>;

/** The shortest way: one conditional put, as the runbook has it for when Pulumi can't run. */
export const raiseByClaim =
  (claims: Claims): Raise =>
  async (region, epoch) => {
    if (!(await claims.claim(region, epoch)))
      throw new Error(`epoch ${epoch} of ${region} is claimed already`);
  };
