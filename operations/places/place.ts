/** From where the regions are looked at, and with what: a real account, the twin, the sandbox. */

import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Observation } from "../observation.js";
import type { VaultBackups } from "../vault/newest-backup.js";

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
  /** Newest backups that each region's vault holds. Never throws. */
  backups(): Promise<Readonly<Record<RegionId, VaultBackups>>>;
  close(): void;
}

/** Names don't depend on the account, but for buckets', which nobody asks for here. */
export const ANY_ACCOUNT = "000000000000";
