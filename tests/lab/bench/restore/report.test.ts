import { expect, test } from "vitest";
import { GB, type Row, rows } from "../../../../lab/bench/restore/figures.js";
import { METHODS, REPLAYED } from "../../../../lab/bench/restore/plan.js";
import { renderRestoreBench, renderRestoreBenchPage } from "../../../../lab/bench/restore/report.js";
import type { RestoreBench } from "../../../../lab/bench/restore/run.js";

const measured: Row[] = rows(
  METHODS.flatMap(({ name }, i) =>
    [1, 2, 3].map((round) => ({
      method: name,
      round,
      seconds: name === "copy" ? 10 : 10 + i * round,
      load: 2,
    })),
  ),
  METHODS,
  1.6 * GB,
);
const bench = (more: Partial<RestoreBench> = {}): RestoreBench => ({
  startedAt: "2026-03-01T12:00:00.000Z",
  seconds: 700,
  scale: 100,
  repetitions: 3,
  dataBytes: 1.6 * GB,
  repositoryBytes: 0.4 * GB,
  walBytes: 0.8 * GB,
  environment: { machine: "2 × processor" },
  rows: measured,
  replay: REPLAYED.map(({ name }) => ({
    repository: name,
    repetitions: 3,
    rate: { median: 40e6, min: 30e6, max: 50e6 },
  })),
  samples: [],
  replaySamples: [],
  ...more,
});

test("a terminal of 80 columns shows every method", () => {
  const text = renderRestoreBench(bench());
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  for (const { title } of METHODS) expect(text).toContain(title);
  expect(text).toMatch(/plain copy .* 160 \(160–160\) +1\.00 \(1\.00–1\.00\)/);
});

test("the page names the formula, its assumption, and that the emulator is one", () => {
  const page = renderRestoreBenchPage(bench());
  expect(page).toContain("time = size ÷ restore rate + hours of log × log per hour ÷ replay rate");
  expect(page).toContain("2 % of the database's size");
  expect(page).toContain("S3 is an emulator");
  expect(page).not.toContain("too small");
  // A restore of local, encrypted, process-max 2: 10 + 10 × 2 s for 1.6 GB; 100 GB of it, and 2 GB of log.
  expect(page).toContain("| 100 GB | 1 | 31 min + 50 s = **32 min** |");
});

test("a small database is no ground for large ones", () => {
  for (const text of [renderRestoreBench(bench({ scale: 1 })), renderRestoreBenchPage(bench({ scale: 1 }))]) {
    expect(text).toContain("Scale 1 is too small");
  }
});

test("what was not measured is said", () => {
  const without = bench({ rows: measured.slice(0, 1), replay: [] });
  expect(renderRestoreBench(without)).toContain("pg_basebackup into a folder");
  expect(renderRestoreBench(without)).toContain("not measured");
  expect(renderRestoreBenchPage(without)).toContain("| 100 GB | 1 | not measured | not measured |");
});
