import type { RegionDrill } from "../drill.js";
import { moveOnPurpose, seeFollowing } from "./stage/steps.js";

const MOVES = 10;

export const regionSwitchoverTen: RegionDrill = {
  kind: "region",
  name: "region-switchover-ten",
  title: "Ten planned moves in a row, back and forth",
  runbook: "planned-region-switchover.md",
  hypothesis:
    "What a move leaves behind (timelines, slots, releases, claims) doesn't add up to anything that obstructs the tenth.",
  nightly: true,
  expect: { lostRows: "none", writeGapSeconds: 5, claimToWriteSeconds: 15, rejoinSeconds: 900 },
  async run(scene) {
    for (let i = 0; i < MOVES; i++) {
      await moveOnPurpose(scene);
      await seeFollowing(scene);
    }
  },
};
