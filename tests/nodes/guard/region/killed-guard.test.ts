import { expect, test } from "vitest";
import { Regions } from "./sim/regions.js";

/** A guard that dies every 130 ms: often while its requests are on their way to etcd or the claim table. */
const scenario = (seed: number) => ({
  seed,
  rates: [0, 0, 0, 0, 0, 0],
  faults: Array.from({ length: 40 }, () => ({
    kind: "kill-guard" as const,
    side: 0 as const,
    node: 0,
    after: 130,
    length: 0,
  })),
});

test.each([1, 2, 3])(
  "a guard that was killed hears no more, not even once its successor runs: seed %i",
  async (seed) => {
    const regions = new Regions(scenario(seed));
    const killed: { readonly knows: () => readonly unknown[]; readonly knew: readonly unknown[] }[] = [];
    for (const process of regions.guards) {
      const start = process.start.bind(process);
      process.start = () => {
        const { guard, region } = process;
        const knows = () => [guard.state, region.state];
        if (guard) killed.push({ knows, knew: knows() });
        start();
      };
    }
    expect(await regions.run()).toEqual([]);
    expect(killed.length).toBeGreaterThanOrEqual(40);
    for (const { knows, knew } of killed)
      for (const [i, state] of knows().entries()) expect(state).toBe(knew[i]);
  },
);
