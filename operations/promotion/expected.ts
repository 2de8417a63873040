/** How long writes are expected to stay closed, from the settings. An estimate of what usually happens, not a bound. Pure. */
import { promotionParts } from "../../settings/failover-time.js";
import type { SharedSettings, Site } from "../../settings/schema.js";
import { type Known, known, unknown } from "../known.js";
import type { PromotionKind } from "./request.js";

export interface ExpectedTime {
  /** One after the other. */
  readonly parts: readonly { readonly what: string; readonly seconds: number }[];
  readonly seconds: number;
}

/** A leader's shutdown with its checkpoint, its start as a standby, and the release that it then writes. Estimate. */
const HANDOVER_SECONDS = 3;

type Settings = Pick<SharedSettings, "promotion" | "failover">;

/** From the claim to the first write. Unknown where machines must be started first. */
export function expectedTime(
  kind: PromotionKind,
  { promotion, failover }: Settings,
  site: Site,
): Known<ExpectedTime> {
  if (site === "cold") return unknown("the region is cold: machines start first, and restore from the vault");
  const { readIntervalSeconds, leaseSeconds, marginSeconds } = promotion;
  const seen: Part = ["the guards read the claim", readIntervalSeconds];
  const open = promotionParts(failover).map(([what, millis]): Part => [what, millis / 1000]);
  switch (kind) {
    case "planned":
      return time([
        seen,
        ["Patroni demotes the old leader", failover.loopWaitSeconds],
        ["it stops, and releases", HANDOVER_SECONDS],
        ...open,
      ]);
    case "unplanned":
      return time([
        seen,
        ["lease and margin of the other region run out", leaseSeconds + marginSeconds],
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
