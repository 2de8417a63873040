/** What an operator asks for, and what comes of it. */
import type { RegionId } from "../../settings/stacks.js";

export interface PromotionRequest {
  readonly region: RegionId;
  /** Left out: the next one of that region above both claims. */
  readonly epoch?: number;
  /** The other region is certainly silent. */
  readonly fenced: boolean;
  readonly acceptDataLoss: boolean;
  /** A handover between two healthy regions or nothing. */
  readonly plannedOnly?: boolean;
}

/**
 * How the other region goes: it hands over; it is silent and its lease runs out; an operator answers for its silence;
 * it has served nothing that this one lacks.
 */
export type PromotionKind = "planned" | "unplanned" | "fenced" | "unopposed";

/** `pulumi config` keys of one promotion, and the items that they make. */
export const OVERRIDE_ITEMS = { fenced: "fenced", acceptDataLoss: "accept-data-loss" } as const;
export type OverrideKey = keyof typeof OVERRIDE_ITEMS;
