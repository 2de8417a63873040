/** From repetitions to figures. Pure. */
import type { Fault } from "./faults.js";
import type { System, SystemName } from "./systems.js";

export interface Repetition {
  readonly system: SystemName;
  readonly fault: string;
  /** From 1. */
  readonly repetition: number;
  /** Longest time without an acknowledged write that ended after the fault. */
  readonly gapSeconds: number;
  /** Whether writes came back within the limit; if not, the gap was longer than it says. */
  readonly back: boolean;
  /** Acknowledged rows that are not there once the cluster is whole again. */
  readonly lost: number;
  readonly acknowledged: number;
  /** What shows that the fault took effect. */
  readonly proof?: string;
  /** From the end of the load until the cluster was healthy again; depends on how the system repairs it. */
  readonly healedSeconds: number;
  readonly seconds: number;
}

/** A repetition that could not be carried out. */
export interface Failure {
  readonly system: SystemName;
  readonly fault: string;
  readonly repetition: number;
  readonly error: string;
}

/** One system under one fault. */
export interface Cell {
  readonly system: SystemName;
  readonly fault: string;
  readonly repetitions: number;
  /** Seconds without an acknowledged write; undefined without a repetition. */
  readonly gap?: { readonly median: number; readonly min: number; readonly max: number };
  /** Acknowledged rows lost, in all repetitions together. */
  readonly lost: number;
  /** Repetitions in which writes did not come back within the limit. */
  readonly notBack: number;
  /** Its median over this project's. */
  readonly ratio?: number;
  /** Why there are no figures. */
  readonly without?: string;
}

/** The middle one, or the mean of the two in the middle. @throws RangeError for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("the median of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** Cells in the order of the faults, and within them of the systems. */
export function summarize(
  repetitions: readonly Repetition[],
  faults: readonly Pick<Fault, "name">[],
  systems: readonly Pick<System, "name" | "without">[],
): Cell[] {
  return faults.flatMap(({ name: fault }) => {
    const of = (system: SystemName) =>
      repetitions.filter((one) => one.fault === fault && one.system === system);
    const ours = of("ours").map(({ gapSeconds }) => gapSeconds);
    return systems.map((system): Cell => {
      const all = of(system.name);
      const gaps = all.map(({ gapSeconds }) => gapSeconds);
      const middle = gaps.length > 0 ? median(gaps) : undefined;
      return {
        system: system.name,
        fault,
        repetitions: all.length,
        ...(middle !== undefined && {
          gap: { median: middle, min: Math.min(...gaps), max: Math.max(...gaps) },
        }),
        lost: all.reduce((sum, { lost }) => sum + lost, 0),
        notBack: all.filter(({ back }) => !back).length,
        ...(middle !== undefined &&
          ours.length > 0 &&
          system.name !== "ours" && { ratio: middle / median(ours) }),
        ...(system.without[fault] !== undefined && { without: system.without[fault] }),
      };
    });
  });
}

/** The order of one round, counted from 0: every system comes first, second and third in turn. */
export const rotated = <T>(systems: readonly T[], round: number): T[] =>
  systems.map((_, i) => systems[(i + round) % systems.length] as T);

/** About how long a run takes, seconds. */
export function estimateSeconds(
  systems: readonly Pick<System, "takesSeconds" | "without">[],
  faults: readonly Pick<Fault, "name">[],
  repeat: number,
): number {
  const round = systems.reduce((sum, { takesSeconds, without }) => {
    const given = faults.filter(({ name }) => without[name] === undefined);
    if (given.length === 0) return sum;
    return given.reduce(
      (total, { name }) => total + (takesSeconds[name] ?? 0),
      sum + (takesSeconds.start ?? 0),
    );
  }, 0);
  return round * repeat;
}
