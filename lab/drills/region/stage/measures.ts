/** What a drill about two regions is measured by, beside what every drill is. Pure. */

import type { RequestEvent, WriteEvent } from "../../../workload/events.js";
import type { Expectations } from "../../drill.js";
import { longestGap, type Span } from "../../lost-rows.js";
import { count, type Measure, time } from "../../measure.js";
import { ages, type MoveTimes, type RegionObservations } from "./moves.js";

/** Posts by the service's name that succeeded: when they were answered. */
const postedByName = (requests: readonly RequestEvent[]): number[] =>
  requests
    .filter(({ name, method, status }) => name && method === "POST" && status >= 200 && status < 300)
    .map(({ done }) => done);

/** The longest time without a successful POST by name; none when no client connected by name. */
export function nameMeasures(requests: readonly RequestEvent[], span: Span, expect: Expectations): Measure[] {
  if (!requests.some(({ name }) => name)) return [];
  const { from, to } = longestGap(postedByName(requests), span);
  return [time("longest gap through the name", (to - from) / 1000, expect.nameGapSeconds)];
}

/** @param lost writes that were acknowledged and are not there */
export function regionMeasures(
  observed: RegionObservations,
  lost: readonly WriteEvent[],
  expect: Expectations,
): Measure[] {
  return [
    ...lossMeasures(observed, lost, expect),
    ...observed.moves.flatMap((move) => moveMeasures(move, expect)),
  ];
}

/** A region that is lost takes its last moments with it: so many as the guard had said, and no more. */
function lossMeasures(
  observed: RegionObservations,
  lost: readonly WriteEvent[],
  expect: Expectations,
): Measure[] {
  if (expect.lostRows !== "within-lag") return [];
  const all = ages(lost, observed);
  // One that nothing explains is not old, it is wrong: counted below.
  const oldest = all.reduce((most, { ageSeconds = 0 }) => Math.max(most, ageSeconds), 0);
  const outside = all.filter(
    ({ ageSeconds, lagSeconds }) =>
      ageSeconds === undefined || lagSeconds === undefined || ageSeconds > lagSeconds,
  );
  return [
    time("oldest lost row, before the old region's last acknowledgement", oldest),
    count("rows lost beyond the lag reported at promotion", outside.length, 0),
  ];
}

/**
 * No event says which region had it: one that was confirmed before the new region was even claimed had only the old one,
 * and the writers' last acknowledgement may be a little older than the last POST's.
 * @param lost POSTs that were confirmed and whose item is not there
 */
export function itemMeasures(
  { moves }: RegionObservations,
  lost: readonly RequestEvent[],
  expect: Expectations,
): Measure[] {
  if (expect.lostRows !== "within-lag") return [];
  const outside = lost.filter(
    ({ sent, done }) =>
      !moves.some(
        ({ claimedAt, fencedAt, lagSeconds }) =>
          fencedAt !== undefined &&
          lagSeconds !== undefined &&
          (sent <= fencedAt || done < claimedAt) &&
          done >= fencedAt - lagSeconds * 1000,
      ),
  );
  return [count("items lost beyond the lag reported at promotion", outside.length, 0)];
}

function moveMeasures({ epoch, ...move }: MoveTimes, { claimToWriteSeconds }: Expectations): Measure[] {
  const since = (from: number | undefined, to: number | undefined) =>
    ((to ?? Number.NaN) - (from ?? Number.NaN)) / 1000;
  return [
    time(
      `epoch ${epoch}: from the claim to the first write`,
      since(move.claimedAt, move.firstWriteAt),
      claimToWriteSeconds,
    ),
    ...(move.lagSeconds === undefined
      ? []
      : [time(`epoch ${epoch}: lag reported at promotion`, move.lagSeconds)]),
  ];
}
