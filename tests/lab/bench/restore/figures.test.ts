import { describe, expect, test } from "vitest";
import {
  GB,
  ordered,
  pitr,
  type ReplaySample,
  replayRows,
  rows,
  type Sample,
  spread,
  WAL_SHARE_PER_HOUR,
} from "../../../../lab/bench/restore/figures.js";
import { METHODS } from "../../../../lab/bench/restore/plan.js";

const sample = (method: string, round: number, seconds: number): Sample => ({
  method,
  round,
  seconds,
  load: 1,
});

describe("rows", () => {
  const methods = [{ name: "copy" }, { name: "backup" }, { name: "absent" }];
  const samples = [
    sample("copy", 1, 2),
    sample("backup", 1, 4),
    // The machine was busier: a ratio to the first round's copy would say nothing.
    sample("backup", 2, 8),
    sample("copy", 2, 8),
  ];
  const [copy, backup, absent] = rows(samples, methods, 800);

  test("a rate is the directory's bytes by the seconds of each", () => {
    expect(copy?.rate).toEqual({ median: 250, min: 100, max: 400 });
    expect(backup?.rate).toEqual({ median: 150, min: 100, max: 200 });
  });

  test("a ratio compares with the copy of the same round", () => {
    expect(copy?.ratio).toEqual({ median: 1, min: 1, max: 1 });
    expect(backup?.ratio).toEqual({ median: 0.75, min: 0.5, max: 1 });
  });

  test("what was not measured has no figures", () => {
    expect(absent).toEqual({ method: "absent", repetitions: 0, rate: undefined, ratio: undefined });
  });

  test("a round without a copy has a rate and no ratio", () => {
    const [, only] = rows([sample("backup", 1, 4)], methods, 800);
    expect(only).toMatchObject({ repetitions: 1, rate: { median: 200 }, ratio: undefined });
  });
});

test("log by the seconds of its replay, per repository", () => {
  const replay = (repository: string, replaySeconds: number): ReplaySample => ({
    ...{ repository, round: 1, restoreSeconds: 1, replaySeconds, walBytes: 100, load: 1 },
  });
  expect(
    replayRows(
      [replay("local", 2), replay("local", 4), replay("local", 5)],
      [{ name: "local" }, { name: "s3" }],
    ),
  ).toEqual([
    { repository: "local", repetitions: 3, rate: { median: 25, min: 20, max: 50 } },
    { repository: "s3", repetitions: 0, rate: undefined },
  ]);
});

test("the spread of nothing is not known", () => expect(spread([])).toBeUndefined());

describe("the time of a restore to a moment", () => {
  test("is the files' by their rate, and the log's by its own", () => {
    const found = pitr({ bytes: 100 * GB, hours: 24 }, { restore: GB / 10, replay: GB / 50 });
    expect(found.restoreSeconds).toBeCloseTo(1000);
    expect(found.walBytes).toBeCloseTo(24 * WAL_SHARE_PER_HOUR * 100 * GB);
    expect(found.replaySeconds).toBeCloseTo(2400);
    expect(found.seconds).toBeCloseTo(3400);
  });

  test("grows with the size alone where nothing is replayed", () => {
    const rates = { restore: GB / 10, replay: GB / 50 };
    expect(pitr({ bytes: 1000 * GB, hours: 0 }, rates).seconds).toBeCloseTo(10_000);
  });
});

describe("the order of a round", () => {
  const all = [1, 2, 3, 4, 5, 6];

  test("begins further on each time, every second one backwards", () => {
    expect(ordered(all, 0, 3)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(ordered(all, 1, 3)).toEqual([2, 1, 6, 5, 4, 3]);
    expect(ordered(all, 2, 3)).toEqual([5, 6, 1, 2, 3, 4]);
  });

  test.each([1, 2, 3, 5])("has every method once, of %i rounds", (rounds) => {
    for (let round = 0; round < rounds; round++) {
      const names = ordered(METHODS, round, rounds).map(({ name }) => name);
      expect(names.toSorted()).toEqual(METHODS.map(({ name }) => name).toSorted());
    }
  });
});
