import type { RegionDrill } from "../drill.js";
import { mainPid } from "../units.js";
import { acknowledgedIn, signalGuards } from "./stage/steps.js";

export const regionGuardsKilled: RegionDrill = {
  kind: "region",
  name: "region-guards-killed",
  title: "All guards of the active region are killed at once",
  runbook: "guard-down.md",
  hypothesis:
    "systemd starts them again within a moment, sooner than any lease in the kernel runs out. Each reads etcd and the claims again before it renews anything. The same region goes on in the same epoch, and the other region stays closed: no operator claimed it.",
  nightly: true,
  expect: { lostRows: "none", writeGapSeconds: 15, nameGapSeconds: 30, rejoinSeconds: 300 },
  async run(scene) {
    const region = scene.active();
    const { voters } = scene;
    const processes = () => Promise.all(voters.map((node) => mainPid(node, "dr-guard")));
    const before = await processes();
    await scene.fault(`kill -9 the guard of every node of ${region}`, () =>
      signalGuards(scene, region, "SIGKILL"),
    );
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
    await scene.eventually("every guard restarted", async () =>
      (await processes()).every((pid, i) => pid !== undefined && pid !== before[i]),
    );
    scene.prove("every guard was killed: systemd restarted each", true);
    await scene.step("Verify: every node is in sync, the other region follows", () => scene.whole());
  },
};
