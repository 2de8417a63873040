import fc from "fast-check";
import { expect, test } from "vitest";
import { Regions } from "./sim/regions.js";
import { scenarios } from "./sim/scenarios.js";

/** All that happened, in order. */
async function played(scenario: ConstructorParameters<typeof Regions>[0]) {
  const regions = new Regions(scenario);
  const violations = await regions.run();
  const { world, acknowledged, opened } = regions;
  return { violations, acknowledged, opened, trace: world.trace, endedAt: world.now };
}

test("the same seed gives the same series, and another one another", async () => {
  for (const scenario of fc.sample(scenarios, { numRuns: 5, seed: 1 })) {
    const first = await played(scenario);
    expect(await played(scenario)).toEqual(first);
    expect((await played({ ...scenario, seed: scenario.seed + 1 })).acknowledged).not.toEqual(
      first.acknowledged,
    );
  }
});
