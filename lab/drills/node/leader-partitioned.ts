import type { Drill } from "../drill.js";
import { measureSilencing } from "../evidence.js";
import { seeTakeover } from "../takeover.js";

/** Long enough for an old leader that doesn't know better to try something. */
const ALONE_SECONDS = 10;

export const leaderPartitioned: Drill = {
  name: "leader-partitioned",
  title: "The leader is cut off from everyone",
  runbook: "node-cut-off.md",
  hypothesis:
    "It lives and believes that it leads, but its kernel shuts its port when the lease runs out, before another node may take over. Reconnected, it finds its session revoked, rewinds and follows.",
  nightly: true,
  expect: { writeGapSeconds: 8, rejoinSeconds: 120 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`drop every packet to and from ${old.name}`, () => old.cut());
    await seeTakeover(scene, old);
    await scene.step(`Confine: ${old.name} stays alone for a while`, () => scene.settle(ALONE_SECONDS));
    await scene.step(`Recover: reconnect ${old.name}`, () => old.heal());
    await scene.step(`Rejoin: ${old.name} follows the new leader`, () => scene.whole(100));
    measureSilencing(scene, old);
  },
};
