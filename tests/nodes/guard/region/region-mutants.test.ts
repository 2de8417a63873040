import { describe, expect, test } from "vitest";
import { MUTANTS } from "./region-mutants.js";
import type { Mutation } from "./sim/guard-process.js";
import { Regions } from "./sim/regions.js";

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);

describe.each(Object.entries(MUTANTS))(
  "a region guard that %s",
  (_name, { mutation, scenario, share = 1 / 2 }) => {
    const wrongs = (seed: number, wrong?: Mutation): Promise<readonly string[]> =>
      new Regions({ ...scenario(seed), mutation: wrong ?? {} }).run();

    test("is noticed, and by what a right one withstands", { timeout: 600_000 }, async () => {
      for (const seed of SEEDS) expect(await wrongs(seed), `seed ${seed}`).toEqual([]);
      const noticed: number[] = [];
      for (const seed of SEEDS) if ((await wrongs(seed, mutation())).length > 0) noticed.push(seed);
      // Not by chance: at many moments of what is being done.
      expect(noticed.length).toBeGreaterThanOrEqual(SEEDS.length * share);
    });
  },
);
