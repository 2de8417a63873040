/** How long writes are expected to stop, from the settings. An estimate of the usual case, not a bound. Pure. */
import { promotionParts } from "../../settings/failover-time.js";
import type { SharedSettings, Site } from "../../settings/schema.js";
import { type Known, known, unknown } from "../known.js";
import type { PromotionKind } from "./request.js";

export interface ExpectedTime {
  /** In order. */
  readonly parts: readonly { readonly what: string; readonly seconds: number }[];
  readonly seconds: number;
}

/** Estimate: the leader shuts down with a checkpoint, starts as a standby and writes its release. */
const HANDOVER_SECONDS = 3;

type Settings = Pick<SharedSettings, "promotion" | "failover">;

/** From the claim to the first write. Unknown where machines must be started first. */
export function expectedTime(
  kind: PromotionKind,
  { promotion, failover }: Settings,
  site: Site,
): Known<ExpectedTime> {
  if (site === "cold")
    return unknown("the region is cold: its machines start first and restore from the vault");
  const { readIntervalSeconds, leaseSeconds, marginSeconds } = promotion;
  const seen: Part = ["the guards read the claim", readIntervalSeconds];
  const open = promotionParts(failover).map(([what, millis]): Part => [what, millis / 1000]);
  switch (kind) {
    case "planned":
      return time([
        seen,
        ["Patroni demotes the old leader", failover.loopWaitSeconds],
        ["it stops and releases", HANDOVER_SECONDS],
        ...open,
      ]);
    case "unplanned":
      return time([
        seen,
        ["the other region's lease and margin expire", leaseSeconds + marginSeconds],
        ...open,
      ]);
    case "fenced":
    case "unopposed":
      return time([seen, ...open]);
  }
}

type Part = readonly [what: string, seconds: number];

const time = (parts: readonly Part[]): Known<ExpectedTime> =>
  known({
    parts: parts.map(([what, seconds]) => ({ what, seconds })),
    seconds: Math.round(parts.reduce((sum, [, seconds]) => sum + seconds, 0) * 10) / 10,
  });
