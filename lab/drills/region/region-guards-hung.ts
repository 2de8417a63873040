import type { RegionDrill } from "../drill.js";
import {
  measureFencing,
  promote,
  seeFollowing,
  seeSilent,
  seeUsersFollow,
  signalGuards,
  UNPLANNED,
} from "./stage/steps.js";

export const regionGuardsHung: RegionDrill = {
  kind: "region",
  nightly: true,
  name: "region-guards-hung",
  title: "All guards of the active region hang, and go on when the other region has opened",
  runbook: "region-returns.md",
  hypothesis:
    "PostgreSQL and Patroni live, the link is well, but no guard renews a lease: the kernels silence the region. Its guards see no claim and release nothing, so the other region waits for lease and margin. When they go on, what they had decided is too old to act on; they yield and follow.",
  expect: UNPLANNED,
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
    await seeSilent(scene, old);
    await seeUsersFollow(scene);
    await seeFollowing(scene);
  },
};
