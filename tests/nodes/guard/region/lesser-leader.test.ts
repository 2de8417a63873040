import { expect, test } from "vitest";
import { Regions } from "./sim/regions.js";

/** The recovery region's replicas lag, and its leader dies between its promotion and the opening of the epoch. */
const scenario = (seed: number) => ({
  seed,
  rates: [0, 0, 0, 0, 0, 0],
  faults: [
    { kind: "slow-replicas" as const, side: 1 as const, node: 0, after: 6_000, length: 60_000 },
    { kind: "claim" as const, side: 1 as const, node: 0, after: 3_000, length: 0 },
  ],
});

test.each([1, 2, 3, 4])(
  "a next leader with less than was released opens nothing, and nothing is lost: seed %i",
  async (seed) => {
    const regions = new Regions(scenario(seed));
    const [, recovery] = regions.regions;
    let died = false;
    for (const node of recovery.nodes) {
      const { log } = node;
      const promote = log.promote.bind(log);
      log.promote = () => {
        promote();
        if (died) return;
        died = true;
        regions.world.after(1, () => {
          node.die();
          recovery.replicasFollow = true;
        });
      };
    }
    expect(await regions.run()).toEqual([]);
    expect(died).toBe(true);
    expect(regions.opened.map(({ side, lost }) => ({ side, lost }))).toEqual([
      { side: 0, lost: 0 },
      { side: 0, lost: 0 },
    ]);
  },
);
