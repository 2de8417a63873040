import { now } from "../../workload/clock.js";
import type { RegionDrill } from "../drill.js";
import {
  acknowledgedIn,
  measureFencing,
  promote,
  seeFollowing,
  seeUsersFollow,
  signalGuards,
} from "./stage/steps.js";

const AWAKE_SECONDS = 10;

export const regionGuardsHung: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "region-guards-hung",
  title: "All guards of the active region hang, and go on when the other region has opened",
  runbook: "region-returns.md",
  hypothesis:
    "PostgreSQL and Patroni live, the link is well, but no guard renews a lease: the kernels silence the region. Its guards see no claim and release nothing, so the other region waits for lease and margin. When they go on, what they had decided is too old to act on; they yield and follow.",
  expect: {
    lostRows: "within-lag",
    writeGapSeconds: 45,
    nameGapSeconds: 90,
    claimToWriteSeconds: 40,
    rejoinSeconds: 400,
  },
  async run(scene) {
    const old = scene.active();
    const { voters } = scene;
    await scene.fault(`stop the guard of every node of ${old} (SIGSTOP)`, () =>
      signalGuards(scene, old, "SIGSTOP"),
    );
    await promote(scene);
    measureFencing(scene, old, scene.settings.failover.leaderLeaseSeconds);
    scene.prove(
      `for the units, every guard of ${old} was running`,
      (await Promise.all(voters.map((node) => node.isActive("dr-guard")))).every(Boolean),
    );
    await scene.step(`Recover: the guards of ${old} go on (SIGCONT)`, () =>
      signalGuards(scene, old, "SIGCONT"),
    );
    const awakeAt = now();
    await scene.step(`Verify: ${old} acknowledges nothing for ${AWAKE_SECONDS} s`, () =>
      scene.settle(AWAKE_SECONDS),
    );
    scene.measure({
      name: `acknowledgements of ${old} after its guards went on`,
      value: acknowledgedIn(scene, old, awakeAt).length,
      unit: "",
      atMost: 0,
    });
    await seeUsersFollow(scene);
    await seeFollowing(scene);
  },
};
