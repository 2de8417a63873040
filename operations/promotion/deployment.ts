/** What a promotion needs of whatever deploys a stack: its settings, a preview, an `up`. */

import type { Site } from "../../settings/schema.js";
import type { Change } from "../engine/events.js";
import type { OverrideKey } from "./request.js";

export type PromotionSetting = "epoch" | OverrideKey;

/** As the stack file has them: undefined where it doesn't. */
export type PromotionSettings = Readonly<Partial<Record<PromotionSetting, string>>>;

export interface Deployment {
  /** As a person would type it, for messages. */
  readonly name: string;
  /** Size of the region while it stands by. */
  readonly site: Site;
  /** What stands there now. */
  settings(): Promise<PromotionSettings>;
  /** @param value undefined takes it out. */
  set(key: PromotionSetting, value: string | undefined): Promise<void>;
  preview(): Promise<readonly Change[]>;
  /** @throws Error when it fails; what it did until then stays. */
  up(): Promise<readonly Change[]>;
}
