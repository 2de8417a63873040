/** From where the regions are looked at, and with what: a real account, the twin, the sandbox. */
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Contract } from "../../stacks/contract.js";
import type { Known } from "../known.js";
import type { Observation } from "../observation.js";
import type { Backup } from "../vault/newest-backup.js";

export interface Place {
  readonly kind: "aws" | "twin" | "sandbox";
  /** For the reader: where it was looked. */
  readonly name: string;
  readonly settings: SharedSettings;
  readonly contract: Contract;
  /**
   * @param first the region whose replica of the claim table is asked first
   * @throws UserError when the claim table can't be read in either region.
   */
  observe(first?: RegionId): Promise<Observation>;
  /** Of each region's own repository; null where there is none yet. Never throws. */
  backups(): Promise<Readonly<Record<RegionId, Known<Backup | null>>>>;
  close(): void;
}

/** Names don't depend on the account, but for buckets', which nobody asks for here. */
export const ANY_ACCOUNT = "000000000000";
