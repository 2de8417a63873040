import type { RegionDrill } from "../drill.js";
import { compareWithLost, keepsChanges, seeSaved } from "./stage/diverged.js";
import { isolate, promote, seeFollowing, seeUsersFollow, UNPLANNED } from "./stage/steps.js";

export const regionReturnsDiverged: RegionDrill = {
  kind: "region",
  name: "region-returns-diverged",
  title: "A region that was cut off with clients comes back with rows that no other has",
  runbook: "region-returns.md",
  hypothesis:
    "Its leader kept a slot at what the other region had confirmed. Before anything rewinds it, its guard stops Patroni, decodes from there what the other region lacks, and hands it in to the vault: it contains every acknowledged row that was lost. Then the node is rewound, and the region follows.",
  nightly: true,
  expect: { ...UNPLANNED, rejoinSeconds: 500 },
  async run(scene) {
    const old = scene.active();
    const epoch = await scene.epoch(old);
    await scene.step("the leader keeps what the other region has not confirmed", () => keepsChanges(scene));
    await isolate(scene, old);
    await promote(scene);
    await seeUsersFollow(scene);
    await scene.step(`Recover: reconnect ${old}`, () => scene.machines(old).heal());
    const record = await seeSaved(scene, old, epoch);
    scene.prove(`it knew where the logs parted: ${record.divergedAt}`, Boolean(record.divergedAt));
    await seeFollowing(scene, 240);
    await scene.step("Verify: what was lost was saved", () => compareWithLost(scene, old, record));
  },
};
