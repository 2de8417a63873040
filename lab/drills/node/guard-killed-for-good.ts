import { GUARD_PROGRAM } from "../../../nodes/layout.js";
import { PORTS } from "../../../settings/contract.js";
import type { Machine } from "../../twin/types.js";
import type { Drill } from "../drill.js";
import { measureSilencing } from "../evidence.js";
import { guardStatus } from "../guards.js";
import { seeTakeover } from "../takeover.js";
import { mainPid } from "../units.js";

const AWAY_SECONDS = 8;

export const guardKilledForGood: Drill = {
  name: "guard-killed-for-good",
  title: "The leader's guard dies and can't be started again",
  runbook: "guard-down.md",
  hypothesis:
    "No guard, no leader. PostgreSQL, Patroni and etcd beside it are well, yet the lease runs out and another node takes over; a marker in the leader key keeps the unguarded Patroni from winning the election again. With its guard back the node serves as a replica.",
  nightly: true,
  expect: { writeGapSeconds: 8, rejoinSeconds: 120 },
  async run(scene) {
    const old = await scene.leader();
    const patroni = await mainPid(old, "patroni");
    await scene.fault(`take the guard's program away on ${old.name} and kill -9 the guard`, async () => {
      await scene.must(old, ["mv", GUARD_PROGRAM, `${GUARD_PROGRAM}.away`]);
      await old.signal("dr-guard", "SIGKILL");
    });
    await seeTakeover(scene, old);
    await scene.step(`Confine: ${old.name} stays without a guard for a while`, async () => {
      // Between its attempts the unit counts as active for moments: the port tells.
      let answers = 0;
      for (let second = 0; second < AWAY_SECONDS; second++) {
        await scene.settle(1);
        if (await answersOn(old)) answers += 1;
      }
      scene.prove(`no guard answered on ${old.name} for ${AWAY_SECONDS} s`, answers === 0);
    });
    const after = await mainPid(old, "patroni");
    scene.prove(
      `Patroni ran on ${old.name} all the while, as process ${patroni}`,
      after !== undefined && after === patroni,
    );
    await scene.step("Recover: put the program back; the unit starts it", async () => {
      await scene.must(old, ["mv", `${GUARD_PROGRAM}.away`, GUARD_PROGRAM]);
      await scene.eventually(`a guard on ${old.name}`, () => guardStatus(scene, old));
    });
    await scene.step(`Rejoin: ${old.name} follows the new leader`, () => scene.whole(100));
    measureSilencing(scene, old);
  },
};

/** Whether anything listens on the guard's port; its own program, which asks otherwise, is away. */
async function answersOn(node: Machine): Promise<boolean> {
  const url = `https://127.0.0.1:${PORTS.guard}/status`;
  const { exitCode } = await node.run(["curl", "--silent", "--insecure", "--max-time", "1", url]);
  return exitCode === 0;
}
