/** What an operator requests, and the kind of promotion that results. */
import type { RegionId } from "../../settings/stacks.js";

export interface PromotionRequest {
  readonly region: RegionId;
  /** Left out: the region's next epoch above both claims. */
  readonly epoch?: number;
  /** The other region is certainly silent. */
  readonly fenced: boolean;
  readonly acceptDataLoss: boolean;
  /** Refuse everything except a handover between two healthy regions. */
  readonly plannedOnly?: boolean;
}

/**
 * How the other region stops: it hands over; it is silent and its lease expires; an operator confirms that it is
 * silent; it has served nothing that this region lacks.
 */
export type PromotionKind = "planned" | "unplanned" | "fenced" | "unopposed";

/** `pulumi config` keys of one promotion, and the table items that they create. */
export const OVERRIDE_ITEMS = { fenced: "fenced", acceptDataLoss: "accept-data-loss" } as const;
export type OverrideKey = keyof typeof OVERRIDE_ITEMS;
