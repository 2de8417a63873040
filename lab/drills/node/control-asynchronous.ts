/** The test of the tests: without synchronous replication rows must be lost, and the ledger must find them. */

import { PORTS } from "../../../settings/contract.js";
import type { Machine } from "../../twin/types.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";

/** Writes that only the leader has: enough to be missed, far fewer than `maximum_lag_on_failover` allows. */
const ALONE_SECONDS = 1;

export const controlAsynchronous: Drill = {
  name: "control-asynchronous",
  title: "Control: without synchronous replication rows are lost, and found missing",
  runbook: "primary-node-lost.md",
  hypothesis:
    "With synchronous_mode off a leader acknowledges what no replica has. When it dies just then those rows are gone. If the drills' bookkeeping does not find them, no other drill proves anything.",
  expect: { lostRows: "some" },
  async run(scene) {
    const old = await scene.leader();
    const standbys = await scene.replicas();
    await scene.step("Prepare: switch synchronous replication off", () => asynchronous(scene, old));
    await scene.fault(`cut replication of ${old.name}, then power it off`, async () => {
      await old.cut({ peers: standbys.map(({ address }) => address), ports: [PORTS.postgres] });
      await scene.settle(ALONE_SECONDS);
      await old.kill();
    });
    const next = await scene.step("Detect: another node leads", () => scene.leaderOtherThan([old.name], 90));
    scene.prove(`the leader changed from ${old.name} to ${next.name}`, next.name !== old.name);
    scene.prove(
      "the old leader acknowledged writes while it was cut off",
      scene.ledger.writes.some(
        ({ node, result, sent }) =>
          node === old.address &&
          result === "acknowledged" &&
          sent > (scene.faults[0]?.from ?? Number.NaN) + 200,
      ),
    );
    await scene.step("Service discovery: writes reach the new leader", () => scene.writesFlow(60));
    await scene.step(`Recover: boot ${old.name}, switch synchronous replication on`, async () => {
      await old.boot();
      await synchronous(scene, await scene.leader());
    });
    await scene.step("Verify: every node is in sync again", () => scene.whole(120));
  },
};

/** The reconciler would switch it on again: it holds the cluster to its settings. */
async function asynchronous(scene: Scene, leader: Machine): Promise<void> {
  await Promise.all(scene.voters.map((voter) => voter.systemctl("stop", "dr-reconcile.timer")));
  await patch(scene, leader, { synchronous_mode: false });
  await scene.eventually("commits that wait for no standby", async () => {
    const [row] = await scene.database.sql(leader, "SHOW synchronous_standby_names;");
    return (row?.[0] ?? "") === "";
  });
}

async function synchronous(scene: Scene, leader: Machine): Promise<void> {
  await patch(scene, leader, { synchronous_mode: "quorum" });
  const alive = scene.voters.filter((voter) => voter.alive);
  await Promise.all(alive.map((voter) => voter.systemctl("start", "dr-reconcile.timer")));
}

async function patch(scene: Scene, leader: Machine, body: unknown): Promise<void> {
  const { status, body: answer } = await scene.database.patroni(leader, "/config", { method: "PATCH", body });
  if (status !== 200) throw new Error(`Patroni answered ${status}: ${JSON.stringify(answer)}`);
}
