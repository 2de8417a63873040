import { PORTS } from "../../../settings/contract.js";
import type { Drill } from "../drill.js";
import { acknowledgedSince, measureSilencing } from "../evidence.js";
import { seeTakeover } from "../takeover.js";

const ALONE_SECONDS = 10;

export const leaderCutFromEtcd: Drill = {
  name: "leader-cut-from-etcd",
  title: "The leader loses etcd, while its clients and replicas still reach it",
  runbook: "node-cut-off.md",
  hypothesis:
    "The most dangerous cut: its clients see acknowledgements until its lease runs out, and not a moment longer; only then another node takes over. Nothing is lost, and no two nodes acknowledge at once.",
  expect: { writeGapSeconds: 8, rejoinSeconds: 120 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`drop ${old.name}'s packets of etcd, of clients and peers`, () =>
      old.cut({ ports: [PORTS.etcdClient, PORTS.etcdPeer] }),
    );
    await seeTakeover(scene, old);
    scene.prove(
      `${old.name} still acknowledged writes that were sent after the cut`,
      acknowledgedSince(scene, old).length > 0,
    );
    await scene.step(`Confine: ${old.name} stays without etcd for a while`, () =>
      scene.settle(ALONE_SECONDS),
    );
    await scene.step(`Recover: reconnect ${old.name}`, () => old.heal());
    await scene.step(`Rejoin: ${old.name} follows the new leader`, () => scene.whole(100));
    measureSilencing(scene, old);
  },
};
