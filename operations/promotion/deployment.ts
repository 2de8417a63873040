/** What a promotion needs from the tool that deploys a stack: its settings, a preview, an `up`. */

import type { Site } from "../../settings/schema.js";
import type { Change } from "../engine/events.js";
import type { OverrideKey } from "./request.js";

export type PromotionSetting = "epoch" | OverrideKey;

/** As in the stack file; undefined for a key that it doesn't set. */
export type PromotionSettings = Readonly<Partial<Record<PromotionSetting, string>>>;

export interface Deployment {
  /** The command as a person would type it, for messages. */
  readonly name: string;
  /** Size of the region while it is standby. */
  readonly site: Site;
  /** The current settings. */
  settings(): Promise<PromotionSettings>;
  /** @param value undefined removes the key. */
  set(key: PromotionSetting, value: string | undefined): Promise<void>;
  preview(): Promise<readonly Change[]>;
  /** @throws Error when it fails; changes made before the failure stay. */
  up(): Promise<readonly Change[]>;
}
