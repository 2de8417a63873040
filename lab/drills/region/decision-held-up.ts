import { now } from "../../workload/clock.js";
import type { RegionDrill } from "../drill.js";
import {
  acknowledgedIn,
  seeFollowing,
  seeOpened,
  seeUsersFollow,
  signalGuards,
  waitSeconds,
} from "./stage/steps.js";

/** So shortly before it could open the new region's guards are stopped: what they go on with is nearly decided. */
const BEFORE_SECONDS = 1.5;
/** Longer than the leader lease, shorter than the region lease: what they had read is still good enough to act on. */
const HELD_SECONDS = 4;
const AWAKE_SECONDS = 10;

export const decisionHeldUp: RegionDrill = {
  kind: "region",
  name: "decision-held-up",
  title: "The decision to open is held up, and a newer epoch arrives meanwhile",
  runbook: "unplanned-region-failover.md",
  hypothesis:
    "All guards of the old region hang; the new region's guards have waited for nearly the whole time, then hang too. The old region's guards resume, and their region is claimed again. When the new region's guards resume, they act on what they know, if anything: a promotion without effect, because they open nothing before they read the claims again. The newest epoch opens, in one region only.",
  nightly: true,
  expect: { lostRows: "none", writeGapSeconds: 90, nameGapSeconds: 150, rejoinSeconds: 400 },
  async run(scene) {
    const [old, to] = [scene.active(), scene.standby()];
    await scene.fault(`stop the guard of every node of ${old} (SIGSTOP)`, () =>
      signalGuards(scene, old, "SIGSTOP"),
    );
    await scene.step(`Promote: raise the epoch of ${to}`, () => scene.raise(to));
    const since = now();
    await scene.fault(`stop the guards of ${to} too, shortly before they may open`, async () => {
      await scene.settle(waitSeconds(scene) - BEFORE_SECONDS - (now() - since) / 1000);
      await signalGuards(scene, to, "SIGSTOP");
    });
    const epoch = await scene.epoch(to);
    scene.prove(`${to} had not opened epoch ${epoch}`, !(await scene.hasOpened(to, epoch)));
    await scene.step(`Recover: the guards of ${old} go on (SIGCONT)`, () =>
      signalGuards(scene, old, "SIGCONT"),
    );
    await scene.step(`Promote: raise the epoch of ${old}, the newest now`, () => scene.raise(old));
    await scene.step(`Confine: ${to} hangs for ${HELD_SECONDS} s more`, () => scene.settle(HELD_SECONDS));
    await scene.step(`Recover: the guards of ${to} go on (SIGCONT)`, () =>
      signalGuards(scene, to, "SIGCONT"),
    );
    await scene.step(`Verify: ${to} acknowledges nothing for ${AWAKE_SECONDS} s`, () =>
      scene.settle(AWAKE_SECONDS),
    );
    await seeOpened(scene);
    scene.measure({
      name: `acknowledgements of ${to}`,
      value: acknowledgedIn(scene, to, scene.faults[0]?.from ?? Number.NaN).length,
      unit: "",
      atMost: 0,
    });
    await seeUsersFollow(scene);
    await seeFollowing(scene);
  },
};
