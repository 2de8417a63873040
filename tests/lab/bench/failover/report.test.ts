import { expect, test } from "vitest";
import { choose } from "../../../../lab/bench/failover/choose.js";
import { duration, renderBench, renderBenchPage, seconds } from "../../../../lab/bench/failover/report.js";
import type { FailoverBench } from "../../../../lab/bench/failover/result.js";
import type { Cell } from "../../../../lab/bench/failover/statistics.js";

const bench = (cells: readonly Partial<Cell>[], more: Partial<FailoverBench> = {}): FailoverBench => ({
  startedAt: "2026-01-02T03:04:05.000Z",
  seconds: 4000,
  repeat: 5,
  environment: { machine: "2 × a processor" },
  systems: [
    { name: "ours", title: "this project", setup: "a lease" },
    { name: "patroni", title: "Patroni's defaults", setup: "ttl 30" },
    { name: "repmgr", title: "repmgr", setup: "six attempts" },
  ],
  faults: [{ name: "leader-dead", title: "leader node dead", aimSeconds: 3.5, aimRatio: 6 }],
  cells: cells.map((cell) => ({
    system: "ours",
    fault: "leader-dead",
    repetitions: 5,
    lost: 0,
    notBack: 0,
    ...cell,
  })),
  repetitions: [],
  failures: [],
  ...more,
});

const ours = { system: "ours", gap: { median: 2.914, min: 2.5, max: 3.3 } } as const;
const patroni = {
  system: "patroni",
  gap: { median: 29.14, min: 22.6, max: 33.1 },
  ratio: 10,
  lost: 3,
} as const;
const repmgr = { system: "repmgr", repetitions: 0, without: "no ssh" } as const;

test("the table names the fault, the aim, and for each system median, bounds, rows lost and ratio", () => {
  expect(
    renderBench(bench([ours, patroni, repmgr]))
      .split("\n")
      .slice(2, 6),
  ).toEqual([
    "leader node dead (aim ≤ 3.5 s, ≥ 6 × faster than Patroni: met)",
    "  this project           2.91 s (2.50–3.30)    0 lost n=5",
    "  Patroni's defaults     29.1 s (22.6–33.1)    3 lost n=5   10 ×",
    "  repmgr               no ssh",
  ]);
});

test("no line of the table is wider than a terminal", () => {
  const lines = renderBench(bench([ours, { ...patroni, notBack: 2 }, repmgr])).split("\n");
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
});

test.each([
  ["slower than aimed at", { ...ours, gap: { median: 3.6, min: 3, max: 4 } }, patroni],
  ["a row lost", { ...ours, lost: 1 }, patroni],
  ["writes that did not come back", { ...ours, notBack: 1 }, patroni],
  ["not fast enough beside Patroni", ours, { ...patroni, ratio: 5.9 }],
])("the aim is missed: %s", (_, mine, theirs) => {
  expect(renderBench(bench([mine, theirs]))).toContain("missed)");
});

test("an aim without figures is neither met nor missed", () => {
  expect(renderBench(bench([patroni]))).toContain("Patroni: not measured)");
  expect(renderBench(bench([ours]))).toContain("Patroni: ratio not measured)");
});

test.each([
  ["this project", { ...ours, repetitions: 3 }, patroni],
  ["Patroni, where the ratio counts", ours, { ...patroni, repetitions: 3 }],
])("an aim is not simply met when repetitions are missing: %s", (_, mine, theirs) => {
  const text = renderBench(bench([mine, theirs]));
  expect(text).toContain("Patroni: met, n=3 of 5)");
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("the page has one row per fault, the losses, the set-ups and what is left out and why", () => {
  const page = renderBenchPage(bench([ours, patroni, repmgr]));
  expect(page).toContain(
    "| leader node dead | **2.91** (2.50–3.30) | **29.1** (22.6–33.1), 10 × | – | ≤ 3.5 s, ≥ 6 × faster than Patroni | met |",
  );
  expect(page).toContain("| leader node dead | 0 | 3 | – |");
  expect(page).toContain("- **repmgr**: six attempts.");
  expect(page).toContain("- repmgr, leader node dead: not possible; no ssh.");
  expect(page).toContain("- machine: 2 × a processor");
  expect(page).not.toContain("Not measured");
});

test("the report names writes that never came back and repetitions that failed", () => {
  const failed = { system: "patroni", fault: "leader-dead", repetition: 3, error: "no node leads" } as const;
  const told = bench([ours, { ...patroni, notBack: 1 }], { failures: [failed] });
  expect(renderBench(told)).toContain("1 not back");
  expect(renderBench(told)).toContain(
    "not measured: Patroni's defaults, leader node dead, #3: no node leads",
  );
  expect(renderBenchPage(told)).toContain("1 not back by then");
  expect(renderBenchPage(told)).toContain("- Patroni's defaults, leader node dead, #3: no node leads");
});

test.each([
  [0.034, "0.03 s"],
  [9.994, "9.99 s"],
  [61.23, "61.2 s"],
])("%d seconds read as %s", (value, text) => expect(seconds(value)).toBe(text));

test.each([
  [89, "89 s"],
  [600, "10 min"],
  [5700, "1 h 35 min"],
])("%d seconds last %s", (value, text) => expect(duration(value)).toBe(text));

const named = [{ name: "leader-dead" }, { name: "leader-frozen" }, { name: "switchover" }];

test("names choose in the order of the list; no name means all", () => {
  expect(choose("fault", named, ["switchover", "leader-dead"]).map(({ name }) => name)).toEqual([
    "leader-dead",
    "switchover",
  ]);
  expect(choose("fault", named)).toEqual(named);
});

test("an unknown name is refused with the nearest", () => {
  expect(() => choose("fault", named, ["leader-deed"])).toThrow(
    /no fault 'leader-deed'[\s\S]*leader-frozen, switchover[\s\S]*--fault leader-dead\?/,
  );
});
