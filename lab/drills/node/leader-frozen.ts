import type { Drill } from "../drill.js";
import { measureSilencing } from "../evidence.js";
import { seeTakeover } from "../takeover.js";

const FROZEN_SECONDS = 10;

export const leaderFrozen: Drill = {
  name: "leader-frozen",
  title: "The leader's machine freezes for ten seconds, then goes on",
  runbook: "node-hangs.md",
  hypothesis:
    "Every process of it stops between two instructions, as when a hypervisor pauses it. Another node takes over. When it wakes it still believes that it leads, but its kernel has shut its port meanwhile: no client gets an acknowledgement from it. It rewinds and follows.",
  expect: { writeGapSeconds: 8, rejoinSeconds: 120 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`freeze ${old.name}`, () => old.freeze());
    await seeTakeover(scene, old);
    await scene.step(`Recover: ${old.name} goes on, ${FROZEN_SECONDS} s after the fault`, async () => {
      await scene.settle(Math.max(0, FROZEN_SECONDS - scene.sinceFault()));
      await old.thaw();
    });
    await scene.step(`Rejoin: ${old.name} follows the new leader`, () => scene.whole(100));
    measureSilencing(scene, old);
  },
};
