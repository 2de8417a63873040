import type { Drill } from "../drill.js";
import { measureSilencing } from "../evidence.js";
import { guardStatus } from "../guards.js";
import { seeTakeover } from "../takeover.js";

const HUNG_SECONDS = 10;

export const guardHung: Drill = {
  name: "guard-hung",
  title: "The leader's guard hangs, and goes on later",
  runbook: "guard-down.md",
  hypothesis:
    "A guard that does nothing renews nothing: its unit sees a running process, but the kernel lets the lease run out and another node takes over. When it goes on, what it decided before is too old to open the port again.",
  nightly: true,
  expect: { writeGapSeconds: 8, rejoinSeconds: 120 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`stop the guard of ${old.name} (SIGSTOP)`, () => old.signal("dr-guard", "SIGSTOP"));
    await seeTakeover(scene, old);
    scene.prove(`for the unit, the guard of ${old.name} was running`, await old.isActive("dr-guard"));
    await scene.step(`Recover: the guard goes on, ${HUNG_SECONDS} s after the fault`, async () => {
      await scene.settle(Math.max(0, HUNG_SECONDS - scene.sinceFault()));
      await old.signal("dr-guard", "SIGCONT");
      await scene.eventually(`an answer of the guard on ${old.name}`, () => guardStatus(scene, old));
    });
    await scene.step(`Rejoin: ${old.name} follows the new leader`, () => scene.whole(100));
    measureSilencing(scene, old);
  },
};
