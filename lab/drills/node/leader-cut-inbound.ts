import type { Drill } from "../drill.js";
import { measureSilencing } from "../evidence.js";
import { seeTakeover } from "../takeover.js";

const ALONE_SECONDS = 10;

export const leaderCutInbound: Drill = {
  name: "leader-cut-inbound",
  title: "The leader can send, but receives nothing",
  runbook: "node-cut-off.md",
  hypothesis:
    "Its renewals may reach etcd, but it never learns so, and a renewal without an answer extends nothing. Its lease runs out, another node takes over; reconnected, it follows.",
  nightly: true,
  expect: { writeGapSeconds: 8, rejoinSeconds: 120 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`drop every packet to ${old.name}`, () => old.cut({ direction: "in" }));
    await seeTakeover(scene, old);
    await scene.step(`Confine: ${old.name} stays deaf for a while`, () => scene.settle(ALONE_SECONDS));
    await scene.step(`Recover: reconnect ${old.name}`, () => old.heal());
    await scene.step(`Rejoin: ${old.name} follows the new leader`, () => scene.whole(100));
    measureSilencing(scene, old);
  },
};
