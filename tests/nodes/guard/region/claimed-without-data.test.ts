/** A region that is claimed after all its nodes lost their data, before it has copied the other region again (lost-data.test.ts). */
import { expect, test } from "vitest";
import { type Fault, Regions, type Scenario } from "./sim/regions.js";

const claim = (side: Fault["side"], after: number): Fault => ({
  kind: "claim",
  side,
  node: 0,
  after,
  length: 0,
});
const scenario = (...claims: Fault[]): Scenario => ({
  seed: 803939369,
  rates: [-5, 1, 5, 3, -2, -5],
  faults: [{ kind: "lose-data", side: 1, node: 0, after: 8_034, length: 0 }, ...claims],
});

async function run(...claims: Fault[]): Promise<Regions> {
  const regions = new Regions(scenario(...claims));
  expect(await regions.run()).toEqual([]);
  return regions;
}
const epochs = ({ opened }: Regions) => opened.map(({ epoch, lost }) => ({ epoch, lost }));

test("opens when it had the time to begin its copy", async () =>
  expect(epochs(await run(claim(1, 14_630)))).toEqual([
    { epoch: 1, lost: 0 },
    { epoch: 2, lost: 0 },
  ]));

test("stays shut when it had not, and the other region serves again, with all it had, once it is claimed", async () =>
  expect(epochs(await run(claim(1, 4_630), claim(0, 60_000)))).toEqual([
    { epoch: 1, lost: 0 },
    { epoch: 3, lost: 0 },
  ]));
