import { now } from "../../workload/clock.js";
import type { RegionDrill } from "../drill.js";
import {
  acknowledgedIn,
  promote,
  seeFollowing,
  seeSilent,
  seeUsersFollow,
  UNPLANNED,
} from "./stage/steps.js";

/** How long it stays frozen after the other region has opened. */
const LONGER_SECONDS = 5;
/** What its nodes had sent before may still arrive, on a busy host so much later. */
const UNDER_WAY_MILLIS = 1_000;

export const regionFrozen: RegionDrill = {
  kind: "region",
  name: "region-frozen",
  title: "The active region's database freezes, and resumes after the other region has opened",
  runbook: "region-returns.md",
  hypothesis:
    "Every process of its nodes stops between two instructions. Their kernels don't: leases run out meanwhile. When it goes on, each of its nodes believes to be what it was, with sessions open and decisions half carried out, and none of them gets an acknowledgement to a client.",
  nightly: true,
  expect: UNPLANNED,
  async run(scene) {
    const old = scene.active();
    await scene.fault(`freeze every database node of ${old}`, () => scene.machines(old).freeze());
    const frozenAt = now();
    await promote(scene);
    await scene.step(`Confine: ${old} stays frozen for ${LONGER_SECONDS} s more`, () =>
      scene.settle(LONGER_SECONDS),
    );
    scene.prove(
      `${old} acknowledged nothing while it was frozen`,
      acknowledgedIn(scene, old, frozenAt + UNDER_WAY_MILLIS).length === 0,
    );
    await scene.step(`Recover: ${old} goes on, ${scene.sinceFault().toFixed(0)} s after the fault`, () =>
      scene.machines(old).thaw(),
    );
    await seeSilent(scene, old);
    await seeUsersFollow(scene);
    await seeFollowing(scene, 240);
  },
};
