/** Also runs the steps for an empty volume of `runbooks/node-replaced.md`. */
import { PORTS } from "../../../settings/contract.js";
import type { Machine } from "../../twin/types.js";
import type { Drill } from "../drill.js";
import { etcdctl, etcdWhole } from "../etcd.js";
import type { Scene } from "../scene.js";
import { seeTakeover, verifyConsistency, verifyHealth } from "../takeover.js";

/** What `journalctl -u etcd` shows on a real machine. It outlives the machine. */
const ETCD_LOG = "/run/twin/logs/etcd.log";

export const primaryNodeLost: Drill = {
  name: "primary-node-lost",
  title: "The leader's machine is lost, and its volume with it",
  runbook: "primary-node-lost.md",
  hypothesis:
    "Two of three voters are enough: one takes over, nothing is lost. The machine that replaces the lost one has nothing: etcd refuses to start under its old id, so the member is taken out and in again; Patroni copies the leader while writes go on.",
  expect: { writeGapSeconds: 8, rejoinSeconds: 180 },
  async run(scene) {
    const old = await scene.leader();
    const logged = Number(await scene.must(old, ["stat", "--format=%s", ETCD_LOG]));
    await scene.fault(`power ${old.name} off`, () => old.kill());
    const next = await seeTakeover(scene, old);
    await verifyHealth(scene, next);
    await verifyConsistency(scene, next);
    await scene.step(`Recover: the platform replaces ${old.name}, with an empty volume`, async () => {
      await old.boot({ emptyVolume: true });
      const why = await refusal(scene, old, logged);
      scene.prove(`etcd on ${old.name} refused to start under its old id: ${why}`, true);
      await old.systemctl("stop", "patroni");
      await old.systemctl("stop", "etcd");
    });
    const cluster = await scene.step(`Recover: take ${old.name} out of etcd and in again`, () =>
      readmit(scene, next, old),
    );
    await scene.step(`Recover: etcd on ${old.name} joins as a new member`, () => join(scene, old, cluster));
    await scene.step(`Rejoin: Patroni on ${old.name} copies the leader and follows`, async () => {
      await old.systemctl("start", "patroni");
      await scene.whole(150);
    });
    await scene.step("Verify: every etcd member is healthy", () => etcdWhole(scene, next));
  },
};

/** Waits until etcd has refused to start for the reason that was expected. @param logged bytes of its log from before. */
function refusal(scene: Scene, node: Machine, logged: number): Promise<string> {
  return scene.eventually(
    `etcd on ${node.name} refuses to start under its old id`,
    async () => {
      const log = await scene.must(node, ["tail", "-c", `+${logged + 1}`, ETCD_LOG]);
      return /member [0-9a-f]+ has already been bootstrapped/.exec(log)?.[0];
    },
    60,
  );
}

/** @returns the value of ETCD_INITIAL_CLUSTER with which the new member must start. */
async function readmit(scene: Scene, on: Machine, node: Machine): Promise<string> {
  const list = await etcdctl(scene, on, "member", "list");
  // 8e9e05c52164694d, started, drs-home-a, https://10.10.0.4:2380, https://10.10.0.4:2379, false
  const id = list
    .split("\n")
    .map((line) => line.split(", "))
    .find(([, , name]) => name === node.name)?.[0];
  if (!id) throw new Error(`${node.name} is no member of etcd: ${list}`);
  await etcdctl(scene, on, "member", "remove", id);
  const peer = `--peer-urls=https://${node.address}:${PORTS.etcdPeer}`;
  // etcd says `unhealthy cluster` until the two that are left have been connected for five seconds.
  const said = await scene.eventually("etcd takes the member in again", () =>
    etcdctl(scene, on, "member", "add", node.name, peer),
  );
  const cluster = /^ETCD_INITIAL_CLUSTER="(.*)"$/m.exec(said)?.[1];
  if (!cluster) throw new Error(`etcdctl did not say how to start the member: ${said}`);
  return cluster;
}

async function join(scene: Scene, node: Machine, cluster: string): Promise<void> {
  const edits = [
    ...["-e", "s/^ETCD_INITIAL_CLUSTER_STATE=.*/ETCD_INITIAL_CLUSTER_STATE=existing/"],
    ...["-e", `s|^ETCD_INITIAL_CLUSTER=.*|ETCD_INITIAL_CLUSTER=${cluster}|`],
  ];
  await scene.must(node, ["rm", "-rf", "/var/lib/dr/etcd/member"]);
  await scene.must(node, ["sed", "-i", ...edits, "/etc/default/etcd"]);
  await node.systemctl("start", "etcd");
}
