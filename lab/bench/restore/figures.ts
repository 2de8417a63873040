/** From measured times to rates, ratios and what they give for larger databases. Pure. */
import { median } from "../failover/statistics.js";
import { type Method, YARDSTICK } from "./plan.js";

/** One method in one round. */
export interface Sample {
  readonly method: string;
  /** From 1. */
  readonly round: number;
  readonly seconds: number;
  /** Load average of the machine when it began. */
  readonly load: number;
}

/** One recovery by `dr-restore`. */
export interface ReplaySample {
  readonly repository: string;
  readonly round: number;
  /** Of the files. */
  readonly restoreSeconds: number;
  /** From the start of PostgreSQL until it is promoted. */
  readonly replaySeconds: number;
  /** Log that the run of pgbench wrote. */
  readonly walBytes: number;
  readonly load: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Row {
  readonly method: string;
  readonly repetitions: number;
  /** Bytes of data directory per second; undefined when it was not measured. */
  readonly rate?: Spread;
  /** Its rate over the plain copy's of the same round. */
  readonly ratio?: Spread;
}

export interface ReplayRow {
  readonly repository: string;
  readonly repetitions: number;
  /** Bytes of log per second. */
  readonly rate?: Spread;
}

/** undefined of nothing. */
export const spread = (values: readonly number[]): Spread | undefined =>
  values.length === 0
    ? undefined
    : { median: median(values), min: Math.min(...values), max: Math.max(...values) };

/** Rows in the order of the methods. @param bytes of the data directory */
export function rows(
  samples: readonly Sample[],
  methods: readonly Pick<Method, "name">[],
  bytes: number,
): Row[] {
  const yardstick = new Map(
    samples.filter(({ method }) => method === YARDSTICK).map(({ round, seconds }) => [round, seconds]),
  );
  return methods.map(({ name }) => {
    const own = samples.filter(({ method }) => method === name);
    const ratios = own.flatMap(({ round, seconds }) => {
      const copied = yardstick.get(round);
      return copied === undefined ? [] : [copied / seconds];
    });
    return {
      method: name,
      repetitions: own.length,
      rate: spread(own.map(({ seconds }) => bytes / seconds)),
      ratio: spread(ratios),
    };
  });
}

export const replayRows = (
  samples: readonly ReplaySample[],
  repositories: readonly { readonly name: string }[],
): ReplayRow[] =>
  repositories.map(({ name }) => {
    const own = samples.filter(({ repository }) => repository === name);
    return {
      repository: name,
      repetitions: own.length,
      rate: spread(own.map(({ walBytes, replaySeconds }) => walBytes / replaySeconds)),
    };
  });

/** Below this a database is so small that what every start costs counts for more than its bytes. */
export const LEAST_SCALE = 100;

/** In decimal units, as disks are sold. */
export const GB = 1e9;

/** Log that a database writes in an hour, as a share of its size. An assumption: no two services write alike. */
export const WAL_SHARE_PER_HOUR = 0.02;

/** Sizes, and hours of log between the backup and the wanted moment: hourly incrementals, and a daily full alone. */
export const PITR_CASES = [
  { bytes: 100 * GB, hours: 1 },
  { bytes: 100 * GB, hours: 24 },
  { bytes: 1000 * GB, hours: 1 },
  { bytes: 1000 * GB, hours: 24 },
] as const;

export interface PitrRates {
  /** Bytes of data directory per second. */
  readonly restore: number;
  /** Bytes of log per second. */
  readonly replay: number;
}

export interface Pitr {
  readonly bytes: number;
  readonly hours: number;
  readonly walBytes: number;
  readonly restoreSeconds: number;
  readonly replaySeconds: number;
  readonly seconds: number;
}

/** size ÷ restore rate + hours × log per hour ÷ replay rate */
export function pitr(
  { bytes, hours }: { readonly bytes: number; readonly hours: number },
  rates: PitrRates,
): Pitr {
  const walBytes = hours * WAL_SHARE_PER_HOUR * bytes;
  const restoreSeconds = bytes / rates.restore;
  const replaySeconds = walBytes / rates.replay;
  return { bytes, hours, walBytes, restoreSeconds, replaySeconds, seconds: restoreSeconds + replaySeconds };
}

/** The order of one round, counted from 0: each round begins further on, and every second goes backwards. */
export function ordered<T>(all: readonly T[], round: number, rounds: number): T[] {
  const from = Math.floor((round * all.length) / rounds);
  const turned = all.map((_, i) => all[(i + from) % all.length] as T);
  return round % 2 === 0 ? turned : turned.toReversed();
}
