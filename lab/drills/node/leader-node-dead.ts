import type { Drill } from "../drill.js";
import { etcdWhole } from "../etcd.js";
import { measureSilencing } from "../evidence.js";
import { seeTakeover, verifyConsistency, verifyHealth } from "../takeover.js";

export const leaderNodeDead: Drill = {
  name: "leader-node-dead",
  title: "The leader's machine is lost, its volume survives",
  runbook: "primary-node-lost.md",
  // The demo plays it at every change.
  nightly: true,
  hypothesis:
    "The other guards see its heartbeat stop, wait until its lease has certainly run out, and give its leader key away: about 3 s without writes, nothing lost. The machine that replaces it finds the old volume, is the etcd member that it was, and follows.",
  expect: { writeGapSeconds: 8, rejoinSeconds: 120 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`power ${old.name} off`, () => old.kill());
    const next = await seeTakeover(scene, old);
    measureSilencing(scene, old);
    await verifyHealth(scene, next);
    await verifyConsistency(scene, next);
    await scene.step(`Recover: the platform replaces ${old.name}, with the same volume`, () => old.boot());
    await scene.step(`Rejoin: ${old.name} follows the new leader`, () => scene.whole(110));
    await scene.step("Verify: every etcd member is healthy", () => etcdWhole(scene, next));
  },
};
