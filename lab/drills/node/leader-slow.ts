import type { Machine } from "../../twin/types.js";
import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import { measureLeaderChanges } from "../evidence.js";
import type { Scene } from "../scene.js";

const PAUSES = 12;
/** Of the leader lease. With the time that a signal and a renewal take, each pause stays below it. */
const SHARES = [0.15, 0.35, 0.55];
const BETWEEN_SECONDS = 0.4;

export const leaderSlow: Drill = {
  name: "leader-slow",
  title: "The leader stumbles: short pauses, one after the other",
  runbook: "node-hangs.md",
  hypothesis:
    "Guard, Patroni and PostgreSQL of the leader stop and go on, each time for less than the lease. Its clients wait, and then see acknowledgements again; so it must not be robbed. The leader stays, nothing is lost.",
  nightly: true,
  expect: { writeGapSeconds: 3, rejoinSeconds: 90 },
  async run(scene) {
    const old = await scene.leader();
    const before = await scene.whole();
    const leaseMillis = scene.settings.failover.leaderLeaseSeconds * 1000;
    const pauses: { from: number; to: number }[] = [];
    await scene.fault(`stop and continue guard and PostgreSQL of ${old.name}, ${PAUSES} times`, async () => {
      for (let i = 0; i < PAUSES; i++) {
        pauses.push(await pause(scene, old, leaseMillis * (SHARES[i % SHARES.length] as number)));
        await scene.settle(BETWEEN_SECONDS);
      }
    });
    const longest = Math.max(...pauses.map(({ from, to }) => to - from));
    scene.measure({ name: "longest pause", value: longest / 1000, unit: "s" });
    scene.prove("every pause was shorter than the lease", longest < leaseMillis);
    const during = pauses.filter(({ from, to }) =>
      scene.ledger.writes.some(
        ({ sent, done, node }) => node === old.address && sent < from + 50 && done >= to,
      ),
    );
    scene.prove("clients waited for an answer throughout a pause", during.length > 0);
    await scene.step("Detect: the same node leads, and writes go on", async () => {
      const node = await scene.writesFlow();
      if (node !== old.address) throw new Error(`writes are acknowledged by ${node}, not by ${old.name}`);
    });
    await measureLeaderChanges(scene, before);
    await scene.step("Verify: every node is in sync", () => scene.whole());
  },
};

/** @returns from when to when the node made no progress. */
async function pause(scene: Scene, node: Machine, millis: number): Promise<{ from: number; to: number }> {
  await node.signal("dr-guard", "SIGSTOP");
  await node.signal("patroni", "SIGSTOP", "all");
  const from = now();
  try {
    await scene.settle(millis / 1000);
  } finally {
    await node.signal("patroni", "SIGCONT", "all");
    await node.signal("dr-guard", "SIGCONT");
  }
  return { from, to: now() };
}
