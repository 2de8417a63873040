import type { Drill } from "../drill.js";
import { etcdLeader, etcdWhole } from "../etcd.js";
import { measureLeaderChanges } from "../evidence.js";

export const etcdLeaderKilled: Drill = {
  name: "etcd-leader-killed",
  title: "The etcd member that leads is killed",
  runbook: "etcd-member-down.md",
  hypothesis:
    "The other members elect a new leader in half a second, well within the guards' lease. Patroni's leader stays, and writes go on as if nothing had been; the killed member is started again by its unit.",
  nightly: true,
  expect: { writeGapSeconds: 2, rejoinSeconds: 60 },
  async run(scene) {
    const before = await scene.whole();
    const patroniLeader = await scene.leader();
    const { node: old, term } = await etcdLeader(scene, patroniLeader);
    const asked = scene.voters.find(({ name }) => name !== old.name) ?? old;
    await scene.fault(`kill -9 etcd on ${old.name}`, () => old.signal("etcd", "SIGKILL"));
    const next = await scene.step("Detect: etcd has a new leader, and the member is back", () =>
      etcdWhole(scene, asked),
    );
    scene.prove(`etcd elected a new leader: term ${term} became ${next.term}`, next.term > term);
    await scene.step("Verify: writes go on", async () => {
      const node = await scene.writesFlow();
      if (node !== patroniLeader.address) throw new Error(`writes are acknowledged by ${node}`);
    });
    await measureLeaderChanges(scene, before);
    await scene.step("Verify: every node is in sync", () => scene.whole());
  },
};
