/** Moves of the business from one region to the other, and what clients saw of each. Pure. */
import type { RegionId } from "../../../../settings/stacks.js";
import type { ProbeEvent, WriteEvent } from "../../../workload/events.js";
import type { LedgerData } from "../../../workload/ledger.js";
import type { Span } from "../../lost-rows.js";
import type { RegionOf } from "../../reigns.js";

/** What the drill itself knows of a move. Milliseconds of CLOCK_MONOTONIC. */
export interface Move {
  readonly from: RegionId;
  readonly to: RegionId;
  readonly epoch: number;
  /** When the epoch was about to be raised: the decision. */
  readonly claimedAt: number;
  /** When every voter of the new region was seen streaming. */
  readonly fullAt?: number;
  /** As the new region's guard gave it: at most so much of what the old one acknowledged was missing. */
  readonly lagSeconds?: number;
  /** Why the guard opened the region. */
  readonly reason?: string;
}

/** The same with what the ledger says. What is missing never came. */
export interface MoveTimes extends Move {
  /** Beginning of the first fault since the move before. */
  readonly faultAt?: number;
  /** The old region's last acknowledgement, to whomever. */
  readonly fencedAt?: number;
  /** The new region's first acknowledgement, to a probe or a writer. */
  readonly promotedAt?: number;
  /** Its first to a writer. */
  readonly firstWriteAt?: number;
}

export interface RegionObservations {
  readonly regionOf: RegionOf;
  readonly moves: readonly MoveTimes[];
}

/** A move lasts until the next one: after that the old region may acknowledge again. */
export function timesOf(
  moves: readonly Move[],
  { writes, probes }: Pick<LedgerData, "writes" | "probes">,
  faults: readonly Pick<Span, "from">[],
  regionOf: RegionOf,
): MoveTimes[] {
  const [writers, all] = [acknowledged(writes), acknowledged([...writes, ...probes])];
  return moves.map((move, i) => {
    const before = moves[i - 1]?.claimedAt ?? Number.NEGATIVE_INFINITY;
    const next = moves[i + 1]?.claimedAt ?? Number.POSITIVE_INFINITY;
    const of = (events: readonly Acknowledged[], region: RegionId) =>
      events.filter(({ node, done }) => regionOf(node) === region && done < next);
    const since = (events: readonly Acknowledged[]) =>
      of(events, move.to).filter(({ sent }) => sent >= move.claimedAt);
    return {
      ...move,
      faultAt: least(faults.map(({ from }) => from).filter((at) => at > before && at <= move.claimedAt)),
      fencedAt: greatest(of(all, move.from).map(({ arrived }) => arrived)),
      promotedAt: least(since(all).map(({ done }) => done)),
      firstWriteAt: least(since(writers).map(({ done }) => done)),
    };
  });
}

/**
 * Of writes that were acknowledged and are lost: by how much each came before the last one that its region
 * acknowledged before it was left. Undefined where that region was never left: nothing there may be lost.
 */
export function ages(
  lost: readonly WriteEvent[],
  { moves, regionOf }: RegionObservations,
): { readonly ageSeconds: number | undefined; readonly lagSeconds: number | undefined }[] {
  return lost.map(({ node, done, arrived }) => {
    const region = regionOf(node as string);
    const move = moves.find(({ from, fencedAt = 0 }) => from === region && arrived <= fencedAt);
    return {
      ageSeconds: move?.fencedAt === undefined ? undefined : Math.max(0, (move.fencedAt - done) / 1000),
      lagSeconds: move?.lagSeconds,
    };
  });
}

type Acknowledged = Pick<WriteEvent, "sent" | "arrived" | "done"> & { readonly node: string };

const acknowledged = (events: readonly (WriteEvent | ProbeEvent)[]): Acknowledged[] =>
  events.filter(
    (event): event is (WriteEvent | ProbeEvent) & { node: string } =>
      event.result === "acknowledged" && event.node !== undefined,
  );

// Not Math.min: there are tens of thousands.
const least = (numbers: readonly number[]): number | undefined =>
  numbers.reduce<number | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
const greatest = (numbers: readonly number[]): number | undefined =>
  numbers.reduce<number | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined);

/** The next epoch that a region may claim: above all that there are, odd at home, even in the recovery region. */
export function nextEpoch(claims: Readonly<Record<RegionId, number>>, region: RegionId): number {
  const next = Math.max(claims.home, claims.recovery) + 1;
  const parity = region === "home" ? 1 : 0;
  return next % 2 === parity ? next : next + 1;
}
