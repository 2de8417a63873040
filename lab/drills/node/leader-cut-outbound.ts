import type { Drill } from "../drill.js";
import { measureSilencing } from "../evidence.js";
import { seeTakeover } from "../takeover.js";

const ALONE_SECONDS = 10;

export const leaderCutOutbound: Drill = {
  name: "leader-cut-outbound",
  title: "The leader can receive, but nothing that it sends arrives",
  runbook: "node-cut-off.md",
  hypothesis:
    "Clients' writes still reach it, and what it commits no standby confirms: it acknowledges nothing. Its lease runs out, another node takes over; what only the old leader has is rewound when it is reconnected.",
  nightly: true,
  expect: { writeGapSeconds: 8, rejoinSeconds: 120 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`drop every packet from ${old.name}`, () => old.cut({ direction: "out" }));
    await seeTakeover(scene, old);
    await scene.step(`Confine: ${old.name} stays mute for a while`, () => scene.settle(ALONE_SECONDS));
    await scene.step(`Recover: reconnect ${old.name}`, () => old.heal());
    await scene.step(`Rejoin: ${old.name} follows the new leader`, () => scene.whole(100));
    measureSilencing(scene, old);
  },
};
