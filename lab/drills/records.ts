/** What a drill leaves of its run: steps, moves, proofs, figures. */
import type { RegionId } from "../../settings/stacks.js";

/** A step of the runbook, as it went. Seconds since the first fault; before it they are negative. */
export interface StepRecord {
  readonly title: string;
  readonly kind: "step" | "fault";
  readonly from: number;
  readonly to: number;
  readonly error?: string;
}

/** A move of the business, as it went. Seconds since the first fault; what is missing never came. */
export interface MoveRecord {
  readonly to: RegionId;
  readonly epoch: number;
  readonly fault?: number;
  readonly claimed: number;
  readonly fenced?: number;
  readonly promoted?: number;
  readonly firstWrite?: number;
  readonly full?: number;
  readonly lagSeconds?: number;
  readonly reason?: string;
}

/** Something that shows that the fault took effect, or that it did not. */
export interface Proof {
  readonly claim: string;
  readonly held: boolean;
}

export interface ExtraMeasure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Upper bound; none when left out. */
  readonly atMost?: number;
}
