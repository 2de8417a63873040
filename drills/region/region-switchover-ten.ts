import type { RegionDrill } from "../drill.js";
import type { RegionScene } from "../two-regions/scene.js";
import { seeFollowing, seeOpened } from "../two-regions/steps.js";

const MOVES = 10;

export const regionSwitchoverTen: RegionDrill = {
  kind: "region",
  name: "region-switchover-ten",
  title: "Ten planned moves in a row, back and forth",
  runbook: "planned-region-switchover.md",
  hypothesis:
    "What a move leaves behind (timelines, slots, releases, claims) doesn't add up to anything that stands in the way of the tenth.",
  isLong: true,
  expect: { lostRows: "none", writeGapSeconds: 15, claimToWriteSeconds: 15, rejoinSeconds: 600 },
  async run(scene) {
    for (let i = 0; i < MOVES; i++) await move(scene);
  },
};

async function move(scene: RegionScene): Promise<void> {
  const [from, to] = [scene.active(), scene.standby()];
  const epoch = await scene.fault(`Promote: raise the epoch of ${to} above that of ${from}`, () =>
    scene.raise(to),
  );
  await seeOpened(scene);
  const { status } = await scene.claims.read();
  scene.prove(`${from} released for epoch ${epoch}`, status[from].released?.epoch === epoch);
  await seeFollowing(scene);
}
