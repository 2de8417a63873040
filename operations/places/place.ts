/** Where an operator's command works, and how it gets there: a real account, the twin, the sandbox. */

import type { Progress } from "../../common/progress.js";
import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId, RegionStackName } from "../../settings/stacks.js";
import type { EscrowStates } from "../escrow.js";
import type { Observation } from "../observation.js";
import type { Deployment } from "../promotion/deployment.js";
import type { RestoreMachines } from "../restore/machines.js";
import type { VaultBackups } from "../vault/newest-backup.js";
import type { OpenVault } from "../vault/open.js";

export interface Place {
  readonly kind: "aws" | "twin" | "sandbox";
  /** Its name in output. */
  readonly name: string;
  readonly settings: SharedSettings;
  readonly contract: Contract;
  /**
   * @param first the region whose replica of the claim table is read first
   * @throws UserError when the claim table can't be read in either region.
   */
  observe(first?: RegionId): Promise<Observation>;
  /** The newest backups in each region's vault. Never throws. */
  backups(): Promise<Readonly<Record<RegionId, VaultBackups>>>;
  /** What each region's record says of the escrow. Never throws. */
  escrow(): Promise<EscrowStates>;
  /** @throws UserError when the region's vault can't be opened from here. */
  openVault(stack: RegionStackName): Promise<OpenVault>;
  /**
   * The deployed stack of a region.
   * @param seen the observation with the region's claimed epoch
   * @param policies whether to check previews and updates with the policy pack
   */
  deployment(region: RegionId, seen: Observation, progress: Progress, policies: boolean): Promise<Deployment>;
  /** @throws UserError if no machines run. */
  restoreMachines(): Promise<RestoreMachines>;
  close(): void;
}
