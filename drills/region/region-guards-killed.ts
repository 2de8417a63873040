import type { RegionDrill } from "../drill.js";
import { acknowledgedIn } from "../two-regions/steps.js";

export const regionGuardsKilled: RegionDrill = {
  kind: "region",
  name: "region-guards-killed",
  title: "All guards of the active region are killed at once",
  runbook: "guard-down.md",
  hypothesis:
    "No guard, no leader: within the leader lease the region is silent, and Patroni stops with its guard. systemd starts both, the first guard reads the claims before PostgreSQL may lead, and the same region opens again. The other one doesn't move: nobody claimed it.",
  expect: { lostRows: "none", writeGapSeconds: 45, nameGapSeconds: 50, rejoinSeconds: 180 },
  async run(scene) {
    const region = scene.active();
    const { voters } = scene;
    await scene.fault(`kill -9 the guard of every node of ${region}`, async () => {
      await Promise.all(voters.map((node) => node.signal("dr-guard", "SIGKILL")));
    });
    const since = scene.faults[0]?.to ?? Number.NaN;
    await scene.step(`Verify: ${region} acknowledges writes again`, () => scene.writesFlowIn(region, 90));
    const { epoch } = await scene.claims.read();
    scene.prove(`${region} is still the greatest`, epoch[region] > epoch[scene.standby()]);
    scene.measure({
      name: `acknowledgements of ${scene.standby()}`,
      value: acknowledgedIn(scene, scene.standby(), since).length,
      unit: "",
      atMost: 0,
    });
    scene.prove(
      "clients were refused or cut off meanwhile",
      scene.ledger.writes.some(({ result, done }) => result !== "acknowledged" && done > since) ||
        scene.ledger.sessions.some(({ ok, of, sent }) => of === "writer" && !ok && sent > since),
    );
    await scene.step("Verify: every node is in sync, the other region follows", () => scene.whole());
  },
};
