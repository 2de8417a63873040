import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { type CpuTime, cpuTime, HostWatch, stalledSeconds } from "../../../lab/drills/host-stall.js";

const STAT = "cpu  2952640 1058359 927063 883275 16073 0 96249 39697 7 8\ncpu0 1 1 1 1 1 1 1 1 0 0\n";

test("the kernel's figures are of all processors, in seconds", () => {
  expect(cpuTime(STAT)).toEqual({ total: 59_733.56, stolen: 396.97 });
  expect(() => cpuTime("intr 1 2 3")).toThrow(/no line of all processors: intr/);
});

test("this host's own are read", async () => {
  const { total, stolen } = cpuTime(await readFile("/proc/stat", "utf8"));
  expect(total).toBeGreaterThan(stolen);
  expect(await new HostWatch().stop()).toBe(0);
});

/** Samples of two processors, from pairs of wall-clock seconds and the stolen share of them. */
function samples(...spans: [number, number][]): CpuTime[] {
  const all: CpuTime[] = [{ total: 1000, stolen: 10 }];
  for (const [seconds, share] of spans) {
    const { total, stolen } = all.at(-1) as CpuTime;
    all.push({ total: total + 2 * seconds, stolen: stolen + 2 * seconds * share });
  }
  return all;
}

test.each<[string, [number, number][], number]>([
  [
    "nothing stolen",
    [
      [1, 0],
      [1, 0],
    ],
    0,
  ],
  ["a busy neighbour", Array.from({ length: 60 }, () => [1, 0.3]), 0],
  [
    "a stall shorter than any limit",
    [
      [1, 0],
      [2, 0.99],
      [1, 0],
    ],
    0,
  ],
  [
    "one sample that a stall stretched",
    [
      [1, 0],
      [94, 0.99],
      [1, 0],
    ],
    93.06,
  ],
  [
    "a stall in which samples were taken",
    [
      [1, 0],
      [1, 0.9],
      [1, 0.9],
      [1, 0.9],
      [1, 0.9],
      [1, 0],
    ],
    3.6,
  ],
  [
    "two stalls",
    [
      [10, 0.9],
      [1, 0],
      [10, 0.9],
    ],
    18,
  ],
  [
    "two short ones",
    [
      [2, 0.9],
      [1, 0],
      [2, 0.9],
    ],
    0,
  ],
])("%s", (_, spans, expected) => expect(stalledSeconds(samples(...spans), 2)).toBeCloseTo(expected));

test("a watch that can't read the figures says so", async () => {
  const watch = new HostWatch(async () => "nothing");
  await expect(watch.stop()).rejects.toThrow(/no line of all processors/);
});
