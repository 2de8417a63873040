import type { RegionDrill } from "../drill.js";
import { moveOnPurpose, seeFollowing, seeUsersFollow } from "./stage/steps.js";

/** There and back: what the first move leaves behind must not obstruct the next. Ten in a row are a nightly drill. */
const MOVES = 2;
/** Load on the region that has just opened, before it is left again. */
const STAY_SECONDS = 5;

export const regionSwitchover: RegionDrill = {
  kind: "region",
  name: "region-switchover",
  title: "The business moves to the other region on purpose, and back",
  runbook: "planned-region-switchover.md",
  hypothesis:
    "The old region closes and releases its data, and the new region opens once it has all of it: nothing is lost, no region waits for a lease to run out, and the old region follows without being rewound. A node that led before leads again on a newer timeline.",
  expect: {
    lostRows: "none",
    writeGapSeconds: 5,
    nameGapSeconds: 40,
    claimToWriteSeconds: 15,
    rejoinSeconds: 400,
  },
  async run(scene) {
    for (let i = 0; i < MOVES; i++) {
      await moveOnPurpose(scene);
      await seeUsersFollow(scene);
      await seeFollowing(scene);
      await scene.step(`Verify: ${scene.active()} carries the load for ${STAY_SECONDS} s`, () =>
        scene.settle(STAY_SECONDS),
      );
    }
  },
};
