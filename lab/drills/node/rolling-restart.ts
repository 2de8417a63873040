/** A parameter that needs a restart, changed in the settings and taken into force node by node. */
import { clusterName, GUARD_PROGRAM } from "../../../nodes/layout.js";
import type { Machine } from "../../twin/types.js";
import { up } from "../change.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";

const PARAMETER = "max_connections";

/** `dr-reconcile` comes by every half minute, Patroni marks its member a cycle later. */
const RECONCILED_SECONDS = 75;

export const rollingRestart: Drill = {
  name: "rolling-restart",
  title: "A parameter that needs a restart is changed",
  runbook: "rolling-restart.md",
  hypothesis:
    "The running nodes take the value over and wait. Restarted one at a time, replicas first and the old leader after a switchover, they never leave a write without a leader and a synchronous replica for longer than the switchover takes.",
  nightly: true,
  expect: { writeGapSeconds: 2.5, readGapSeconds: 5 },
  async run(scene) {
    await scene.step("Detect: may I? The cluster is whole, nothing waits for a restart", async () => {
      const { members } = await scene.whole();
      scene.prove(
        "no member waits for a restart before",
        members.every((member) => !member.pending_restart),
      );
    });
    const old = await scene.leader();
    const value = Number(await shown(scene, old)) + 10;
    await scene.fault(`set ${PARAMETER} to ${value}, and up`, () =>
      up(scene, { settings: { database: { parameters: { [PARAMETER]: value } } } }),
    );
    await scene.step("Wait for the nodes to take it over: all wait for a restart", async () => {
      const voters = new Set(scene.voters.map(({ name }) => name));
      await scene.eventually(
        "the mark on every voter",
        async () => {
          const members = (await scene.view())?.members.filter(({ name }) => voters.has(name));
          return members?.length === voters.size && members.every((member) => member.pending_restart);
        },
        RECONCILED_SECONDS,
      );
      scene.measure({ name: "taken over", value: scene.sinceFault(), unit: "s", atMost: RECONCILED_SECONDS });
      scene.prove("the old value is in force until then", (await shown(scene, old)) === `${value - 10}`);
    });
    const replicas = await scene.replicas();
    for (const replica of replicas) await restart(scene, replica);
    const candidate = (replicas[0] as Machine).name;
    await scene.step(`Move the leader to ${candidate}, which has the new value`, async () => {
      await scene.must(old, ["/usr/bin/node", GUARD_PROGRAM, "switchover", candidate], 30_000);
      const next = await scene.leaderOtherThan([old.name], 10);
      scene.prove(`${candidate} leads`, next.name === candidate);
      await scene.writesFlow(10);
    });
    await scene.step(
      `${old.name} follows: handing over has restarted it; restart it if it is still marked`,
      async () => {
        const { members } = await scene.whole();
        if (members.some(({ name, pending_restart }) => name === old.name && pending_restart))
          await restart(scene, old);
      },
    );
    await scene.step("Verify: the new value is in force on every node, nothing waits", async () => {
      for (const voter of scene.voters) {
        const now = await shown(scene, voter);
        scene.prove(`${voter.name} has ${PARAMETER} ${now}`, now === `${value}`);
      }
      const { members } = await scene.whole();
      scene.prove(
        "no member waits for a restart",
        members.every((member) => !member.pending_restart),
      );
    });
  },
};

async function shown({ database }: Scene, node: Machine): Promise<string | undefined> {
  const [row] = await database.sql(node, `SHOW ${PARAMETER};`);
  return row?.[0];
}

/** Restarts one node that doesn't lead, and waits until it is a full member again: only then may the next one go. */
function restart(scene: Scene, node: Machine): Promise<void> {
  return scene.step(`Restart ${node.name}, wait until it is in sync`, async () => {
    const [from] = (await scene.database.sql(node, "SELECT pg_postmaster_start_time();"))[0] ?? [];
    const argv = ["/opt/patroni/bin/patronictl", "-c", "/etc/dr/patroni.yml", "restart", "--force"];
    const { exitCode, stdout, stderr } = await node.run([...argv, clusterName(scene.region), node.name], {
      user: "postgres",
      timeoutMillis: 60_000,
    });
    if (exitCode !== 0) throw new Error(`patronictl restart: ${(stderr || stdout).trim()}`);
    await scene.eventually(
      `${node.name} without the mark`,
      async () =>
        (await scene.view())?.members.some(
          ({ name, pending_restart }) => name === node.name && !pending_restart,
        ),
      60,
    );
    await scene.whole(90);
    const [to] = (await scene.database.sql(node, "SELECT pg_postmaster_start_time();"))[0] ?? [];
    scene.prove(`${node.name} has restarted`, from !== to);
  });
}
