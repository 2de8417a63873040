import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import { etcdWhole } from "../etcd.js";
import { measureSilencing } from "../evidence.js";

const AWAY_SECONDS = 10;

export const etcdQuorumLost: Drill = {
  name: "etcd-quorum-lost",
  title: "etcd loses its quorum, and gets it back",
  runbook: "etcd-quorum-lost.md",
  hypothesis:
    "No node can prove any more that it leads alone: the leader is silenced before its lease ends, and the region is read-only, not wrong. Replicas go on answering reads. When the members are back, they elect a leader without help.",
  // The writes' gap is as long as the members are away; separate measures below cover what matters.
  expect: { readGapSeconds: 5, rejoinSeconds: 120 },
  async run(scene) {
    const leader = await scene.leader();
    const stopped = await scene.replicas();
    await scene.fault(`stop etcd on ${stopped.map(({ name }) => name).join(" and ")}`, async () => {
      await Promise.all(stopped.map((node) => node.systemctl("stop", "etcd")));
    });
    await scene.step("Detect: writes stop", async () => {
      const { leaderLeaseSeconds } = scene.settings.failover;
      await scene.settle(leaderLeaseSeconds + 1);
    });
    measureSilencing(scene, leader);
    const silentFrom = now();
    await scene.step("Confine: the region stays read-only", () => scene.settle(AWAY_SECONDS));
    const silentTo = now();
    const reads = scene.ledger.reads.filter(
      ({ ok, sent, done }) => ok && sent > silentFrom && done < silentTo,
    );
    const writes = scene.ledger.writes.filter(
      ({ result, arrived }) => result === "acknowledged" && arrived > silentFrom && arrived < silentTo,
    );
    scene.measure({
      name: "writes acknowledged without a quorum",
      value: writes.length,
      unit: "",
      atMost: 0,
    });
    scene.prove(
      "writes were tried and failed meanwhile",
      scene.ledger.sessions.some(({ of, ok, sent }) => of === "writer" && !ok && sent > silentFrom) ||
        scene.ledger.writes.some(({ result, sent }) => result !== "acknowledged" && sent > silentFrom),
    );
    scene.prove(`replicas answered ${reads.length > 0 ? "" : "no "}reads meanwhile`, reads.length > 0);
    const restoredAt = now();
    await scene.step("Recover: start etcd", async () => {
      await Promise.all(stopped.map((node) => node.systemctl("start", "etcd")));
      await etcdWhole(scene, leader);
    });
    await scene.step("Verify: a leader is elected, writes flow", () => scene.writesFlow());
    scene.measure({
      name: "from the start of etcd to the first write",
      value: (now() - restoredAt) / 1000,
      unit: "s",
      atMost: 30,
    });
    await scene.step("Verify: every node is in sync", () => scene.whole());
  },
};
