/** Judges a drill from what was recorded. Pure. */

import type { LedgerData } from "../workload/ledger.js";
import type { Expectations } from "./drill.js";
import {
  acknowledgedAt,
  duplicatedRows,
  httpFigures,
  inFlight,
  longestGap,
  lostItems,
  lostRows,
  type RowId,
  readAt,
  type Span,
  setBackFaults,
  unexpectedRows,
  watched,
  worstStaleness,
} from "./lost-rows.js";
import { bound, count, figure, type Measure, time } from "./measure.js";
import type { ExtraMeasure, Proof } from "./records.js";
import { itemMeasures, nameMeasures, regionMeasures } from "./region/stage/measures.js";
import type { RegionObservations } from "./region/stage/moves.js";
import { acknowledgements, doubleAcknowledgements } from "./reigns.js";

export type Outcome = "passed" | "failed" | "inconclusive" | "unmeasured";

export interface Verdict {
  readonly outcome: Outcome;
  /** Why not passed; one line each, the gravest first. */
  readonly reasons: readonly string[];
  readonly measures: readonly Measure[];
}

export interface Observations {
  readonly ledger: LedgerData;
  /** From when on gaps and HTTP errors count: since then the load has run well. From its start when left out. */
  readonly judgedFrom?: number;
  /** The writers' table, read from the leader after the workload has ended. */
  readonly rows: readonly RowId[];
  /** Ids in the application's table; undefined when it was not used. */
  readonly items?: ReadonlySet<string>;
  readonly faults: readonly (Span & { readonly title: string })[];
  readonly proofs: readonly Proof[];
  readonly rejoinSeconds?: number;
  /** From the moment that the service was set back to until its close. */
  readonly setBack?: Span;
  readonly extra?: readonly ExtraMeasure[];
  /** A step that failed, in one line. */
  readonly stepError?: string;
  /** For how long this host itself stalled (host-stall.ts). */
  readonly stalledSeconds?: number;
  /** Of a drill about two regions. */
  readonly region?: RegionObservations;
}

/**
 * `failed`: an expectation was missed. `inconclusive`: none was, but nothing shows that the fault took effect
 * while writes were in flight, so that holding out proves nothing. `unmeasured`: a time or a step missed its limit, and
 * this host stalled meanwhile; losses and two leaders fail all the same. None of the three is a pass.
 */
export function judge(observed: Observations, expect: Expectations): Verdict {
  const measures = measure(observed, expect);
  const doubles = doublesIn(observed);
  const failures = [
    ...(observed.stepError ? [observed.stepError] : []),
    ...measures.filter(({ ok }) => !ok).map(missed),
    ...doubles.slice(0, 3).map(({ reason }) => reason),
  ];
  const { stalledSeconds = 0 } = observed;
  const isLateOnly = doubles.length === 0 && measures.every(({ ok, unit }) => ok || unit === "s");
  if (failures.length > 0 && stalledSeconds > 0 && isLateOnly)
    return { outcome: "unmeasured", reasons: [stalled(stalledSeconds), ...failures], measures };
  if (failures.length > 0) return { outcome: "failed", reasons: failures, measures };
  const doubts = unproven(observed);
  return { outcome: doubts.length > 0 ? "inconclusive" : "passed", reasons: doubts, measures };
}

/** Of a drill that ended before anything could be judged. */
export const brokenOff = (reason: string, stalledSeconds: number): Verdict =>
  stalledSeconds > 0
    ? { outcome: "unmeasured", reasons: [stalled(stalledSeconds), reason], measures: [] }
    : { outcome: "failed", reasons: [reason], measures: [] };

function doublesIn({ ledger, region }: Observations) {
  const all = acknowledgements([...ledger.writes, ...ledger.probes], region?.regionOf);
  return doubleAcknowledgements(all, region?.regionOf);
}

function measure(observed: Observations, expect: Expectations) {
  const { ledger, rows, items, faults, extra, region, ...rest } = observed;
  const whole = watched(ledger);
  const span = { ...whole, from: rest.judgedFrom ?? whole.from };
  const { writes, reads, requests } = ledger;
  const lostWrites = lostRows(writes, rows);
  const lost = lostWrites.length;
  const { lostRows: loss = "none" } = expect;
  const http = httpFigures(requests.filter(({ sent }) => sent >= span.from));
  const writeGap = seconds(longestGap(acknowledgedAt(writes), span));
  const readGap = seconds(longestGap(readAt(reads), span));
  const doubles = doublesIn(observed).length;
  const fault = faults[0];
  const measures: Measure[] = [
    count("writes acknowledged", acknowledgedAt(writes).length),
    loss === "some"
      ? { name: "acknowledged rows lost", value: lost, unit: "", expected: "≥ 1", ok: lost > 0 }
      : count("acknowledged rows lost", lost, loss === "none" ? 0 : undefined),
    ...(loss === "set-back" ? setBackMeasures(observed) : []),
    count("rows duplicated", duplicatedRows(rows).length, 0),
    count("rows that no client could have written", unexpectedRows(writes, rows).length, 0),
    count("two nodes acknowledging at once", doubles, 0),
    ...(region ? regionMeasures(region, lostWrites, expect) : []),
    time("longest write gap", writeGap, expect.writeGapSeconds),
    ...(fault
      ? [
          time(
            "longest write gap after the fault",
            seconds(longestGap(acknowledgedAt(writes), span, fault.from)),
          ),
        ]
      : []),
    ...nameMeasures(requests, span, expect),
  ];
  if (reads.length > 0) {
    measures.push(time("longest read gap", readGap, expect.readGapSeconds));
    measures.push(time("replica behind by at most", worstStaleness(writes, reads) / 1000));
  }
  if (requests.length > 0) {
    measures.push(
      count("HTTP requests", http.requests),
      count("HTTP errors", http.errors, expect.httpErrors),
    );
    measures.push(time("slowest HTTP request", http.slowestSeconds));
  }
  if (items) {
    const missing = lostItems(requests, items);
    measures.push(count("confirmed items lost", missing.length, loss === "none" ? 0 : undefined));
    if (region) measures.push(...itemMeasures(region, missing, expect));
  }
  if (rest.rejoinSeconds !== undefined || expect.rejoinSeconds !== undefined) {
    measures.push(time("all members healthy again", rest.rejoinSeconds ?? Number.NaN, expect.rejoinSeconds));
  }
  for (const { name, value, unit, atMost } of extra ?? []) {
    measures.push(unit === "s" ? time(name, value, atMost) : { name, value, unit, ...bound(value, atMost) });
  }
  return measures;
}

/** Beside the number that is lost on purpose. */
function setBackMeasures({ ledger: { writes }, rows, setBack }: Observations): Measure[] {
  const { lost, kept } = setBackFaults(writes, rows, setBack);
  return [
    count("rows lost from before the moment, or from after the close", lost.length, 0),
    count("rows from between the moment and the close that are still there", kept.length, 0),
  ];
}

/**
 * How long harm counts as fresh. A kill takes no time at all, and every session rests between two writes, for tens of
 * milliseconds, on a busy host for hundreds: at one instant in ten none is under way, though all of them meet the harm.
 */
const FRESH_MILLIS = 1000;

/** What is missing for the fault to have been a test. */
function unproven({ ledger, faults, proofs }: Observations): string[] {
  const doubts: string[] = [];
  if (faults.length === 0) doubts.push("no fault was marked");
  for (const fault of faults) {
    const fresh = { from: fault.from, to: fault.to + FRESH_MILLIS };
    if (inFlight(ledger.writes, fresh).length === 0) doubts.push(`no write was in flight: ${fault.title}`);
  }
  if (proofs.length === 0) doubts.push("nothing was offered as proof that the fault took effect");
  for (const { claim, held } of proofs) if (!held) doubts.push(`not so: ${claim}`);
  if (!ledger.probes.some(({ result }) => result === "acknowledged")) {
    doubts.push("no probe was ever acknowledged, so that two leaders could not have been seen");
  }
  return doubts;
}

const stalled = (seconds: number): string =>
  `the host stalled for ${seconds.toFixed(0)} s: its hypervisor gave this machine's processors to others, so times say nothing`;

const seconds = ({ from, to }: Span): number => (to - from) / 1000;

const missed = (measure: Measure): string =>
  `${measure.name}: ${figure(measure)}, expected ${measure.expected}${measure.unit ? ` ${measure.unit}` : ""}`;
