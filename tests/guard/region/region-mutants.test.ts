import { describe, expect, test } from "vitest";
import { MUTANTS } from "./region-mutants.js";
import type { Mutation } from "./sim/guard.js";
import { Regions } from "./sim/regions.js";

const SEEDS = Array.from({ length: 24 }, (_, i) => i + 1);

describe.each(Object.entries(MUTANTS))(
  "a region guard that %s",
  (_name, { mutation, scenario, share = 1 / 2 }) => {
    const wrongs = (seed: number, wrong?: Mutation): readonly string[] =>
      new Regions({ ...scenario(seed), mutation: wrong ?? {} }).run();

    test("is noticed, and by what a right one withstands", { timeout: 240_000 }, () => {
      for (const seed of SEEDS) expect(wrongs(seed), `seed ${seed}`).toEqual([]);
      const noticed = SEEDS.filter((seed) => wrongs(seed, mutation()).length > 0);
      // Not by chance: at many moments of what is being done.
      expect(noticed.length).toBeGreaterThanOrEqual(SEEDS.length * share);
    });
  },
);
