import { expect, test } from "vitest";
import { FAULTS } from "../../../../lab/bench/failover/faults.js";
import {
  estimateSeconds,
  median,
  type Repetition,
  rotated,
  summarize,
} from "../../../../lab/bench/failover/statistics.js";
import { SYSTEMS } from "../../../../lab/bench/failover/systems.js";

const repetition = (
  system: Repetition["system"],
  gapSeconds: number,
  more: Partial<Repetition> = {},
): Repetition => ({
  system,
  fault: "leader-dead",
  repetition: 1,
  gapSeconds,
  back: true,
  lost: 0,
  acknowledged: 1000,
  healedSeconds: 5,
  seconds: 20,
  ...more,
});

const systems = [
  { name: "ours", without: {} },
  { name: "patroni", without: {} },
  { name: "repmgr", without: { switchover: "no ssh" } },
] as const;

test.each([
  [[3], 3],
  [[9, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  // By value, not as text.
  [[10, 9, 100], 10],
])("the median of %j is %d", (values, expected) => {
  expect(median(values)).toBe(expected);
});

test("there is no median of nothing", () => {
  expect(() => median([])).toThrow(RangeError);
});

test("a cell has median, bounds, the rows lost in all repetitions and the ratio of the medians", () => {
  const all = [
    repetition("ours", 3),
    repetition("ours", 2),
    repetition("ours", 40),
    repetition("patroni", 30, { lost: 2 }),
    repetition("patroni", 24, { lost: 1, back: false }),
  ];
  const [ours, patroni, repmgr] = summarize(all, [{ name: "leader-dead" }], systems);
  expect(ours).toEqual({
    system: "ours",
    fault: "leader-dead",
    repetitions: 3,
    gap: { median: 3, min: 2, max: 40 },
    lost: 0,
    notBack: 0,
  });
  expect(patroni).toMatchObject({ gap: { median: 27, min: 24, max: 30 }, lost: 3, notBack: 1, ratio: 9 });
  expect(repmgr).toEqual({ system: "repmgr", fault: "leader-dead", repetitions: 0, lost: 0, notBack: 0 });
});

test("repetitions of another fault are not mixed in", () => {
  const all = [repetition("ours", 3), repetition("ours", 9, { fault: "switchover" })];
  const cells = summarize(all, [{ name: "leader-dead" }, { name: "switchover" }], systems);
  expect(cells.filter(({ system }) => system === "ours").map(({ gap }) => gap?.median)).toEqual([3, 9]);
});

test("without figures of this project there is no ratio", () => {
  const cells = summarize([repetition("patroni", 30)], [{ name: "leader-dead" }], systems);
  expect(cells.find(({ system }) => system === "patroni")).not.toHaveProperty("ratio");
});

test("a fault that a system can't be given says why", () => {
  const cells = summarize([], [{ name: "switchover" }], systems);
  expect(cells.map(({ without }) => without)).toEqual([undefined, undefined, "no ssh"]);
});

test("every system comes first as often as the others", () => {
  const rounds = [0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""));
  expect(rounds).toEqual(["abc", "bca", "cab", "abc"]);
});

test("the estimate counts what is run: a start per system and round, and each fault that it can be given", () => {
  const slow = { takesSeconds: { start: 10, a: 60, b: 5 }, without: { b: "why" } };
  const fast = { takesSeconds: { start: 4, a: 3, b: 2 }, without: {} };
  expect(estimateSeconds([slow, fast], [{ name: "a" }, { name: "b" }], 2)).toBe(2 * (70 + 9));
  expect(estimateSeconds([slow], [{ name: "b" }], 2)).toBe(0);
});

test("every system says of every fault how long it takes, or why it is left out", () => {
  for (const { takesSeconds, without } of SYSTEMS) {
    const known = [...Object.keys(takesSeconds), ...Object.keys(without)].toSorted();
    expect(known).toEqual(["start", ...FAULTS.map(({ name }) => name)].toSorted());
  }
});
