/** Who acknowledged when, and whether two did at once. Pure. */
import type { ProbeEvent, WriteEvent } from "../workload/events.js";

/** An acknowledgement that a writer or a probe received. */
export type Acknowledgement = Pick<WriteEvent, "sent" | "arrived" | "done"> & {
  readonly node: string;
  readonly timeline: number;
};

/** Region of a node's address, or of a workload's `source`; undefined with a single region. */
export type RegionOf = (nodeOrSource: string) => string | undefined;

const ONE_REGION: RegionOf = () => undefined;

/**
 * An answer that came across the link between the regions was under way for longer than anybody knows. Such a one
 * is taken to have been given as early as possible: when the request was sent.
 * @throws Error when one doesn't say by whom or on which timeline: then nothing could be decided.
 */
export function acknowledgements(
  events: readonly (WriteEvent | ProbeEvent)[],
  regionOf: RegionOf = ONE_REGION,
): Acknowledgement[] {
  return events
    .filter(({ result }) => result === "acknowledged")
    .map(({ node, timeline, sent, arrived, done, source }) => {
      if (!node || !timeline) throw new Error(`an acknowledgement without node or timeline, sent at ${sent}`);
      const near = source === undefined || regionOf(source) === regionOf(node);
      return { node, timeline, sent, arrived: near ? arrived : sent, done };
    });
}

export interface DoubleAcknowledgement {
  /** The acknowledgement that should not have come. */
  readonly by: Acknowledgement;
  /** The one that proves it. */
  readonly beside: Acknowledgement;
  readonly reason: string;
}

/** What one node acknowledged on one timeline. */
interface Reign {
  readonly node: string;
  readonly timeline: number;
  readonly region: string | undefined;
  /** The first to be received, and the one that came in last. */
  readonly first: Acknowledgement;
  readonly last: Acknowledgement;
}

/**
 * Two nodes that acknowledged at once. What is proven wrong, and nothing less:
 *
 * 1. Two nodes of one region acknowledged on the *same* timeline, whenever: one was never promoted to it.
 * 2. Of two nodes of one region, an acknowledgement on the older timeline came in (`arrived`, the earliest that it
 *    can have) after one on the newer had been received (`done`). Each promotion begins a new timeline, so timelines
 *    order the leaders of a region.
 * 3. An acknowledgement of one region came in after one of the *other* region's later reign had been received.
 *    Timelines say nothing here: both regions count on from the one that they share, so two may be equal, or the
 *    older region's the greater. Reigns are ordered by when they began. A node that is promoted again after the
 *    other region's reign does so on a new timeline, and so in a new reign: A→B→A→B is no violation.
 *    (PostgreSQL counts on from the greatest timeline that it finds in its archive. Should a former number come again,
 *    because the archive lacks it, the check reports a violation: a false alarm, never a missed one.)
 *
 * The check reports one violation per pair of reigns: the first.
 */
export function doubleAcknowledgements(
  all: readonly Acknowledgement[],
  regionOf: RegionOf = ONE_REGION,
): DoubleAcknowledgement[] {
  const reigns = reignsOf(all, regionOf);
  return reigns.flatMap((one, i) =>
    reigns
      .slice(i + 1)
      .map((other) => (one.region === other.region ? withinRegion(one, other) : acrossRegions(one, other)))
      .filter((found) => found !== undefined),
  );
}

function reignsOf(all: readonly Acknowledgement[], regionOf: RegionOf): Reign[] {
  const reigns = new Map<string, Reign>();
  for (const one of all) {
    const { node, timeline } = one;
    const name = `${timeline} ${node}`;
    const reign = reigns.get(name) ?? { node, timeline, region: regionOf(node), first: one, last: one };
    reigns.set(name, {
      ...reign,
      first: one.done < reign.first.done ? one : reign.first,
      last: one.arrived > reign.last.arrived ? one : reign.last,
    });
  }
  return [...reigns.values()].toSorted((a, b) => a.timeline - b.timeline || a.first.done - b.first.done);
}

/** @param older on the same timeline, or on an older one */
function withinRegion(older: Reign, newer: Reign): DoubleAcknowledgement | undefined {
  if (older.node === newer.node) return undefined;
  if (older.timeline === newer.timeline) {
    return {
      by: newer.first,
      beside: older.first,
      reason: `${older.node} and ${newer.node} both acknowledged on timeline ${older.timeline}`,
    };
  }
  return overlap(older, newer, ({ node, timeline }) => `${node} (timeline ${timeline})`);
}

function acrossRegions(one: Reign, other: Reign): DoubleAcknowledgement | undefined {
  const [older, newer] = one.first.done <= other.first.done ? [one, other] : [other, one];
  return overlap(older, newer, ({ node, timeline, region }) => `${node} of ${region} (timeline ${timeline})`);
}

function overlap(
  older: Reign,
  newer: Reign,
  name: (reign: Reign) => string,
): DoubleAcknowledgement | undefined {
  const lateMillis = older.last.arrived - newer.first.done;
  if (lateMillis <= 0) return undefined;
  const late = (lateMillis / 1000).toFixed(3);
  return {
    by: older.last,
    beside: newer.first,
    reason: `${name(older)} still acknowledged ${late} s after ${name(newer)} had begun to`,
  };
}
