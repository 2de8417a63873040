import type { Machine } from "../../twin/types.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";
import { tryScript } from "../vault/node-script.js";
import { restore } from "../vault/restored.js";
import { archiveAll, backUp, QUICK_ARCHIVE } from "../vault/steps.js";

/** `dr-restore` says: not enough room. */
const NO_ROOM = 5;
const FOLDER = "/var/lib/dr/by-hand";
const LEFT_MIB = 100;

export const restoreDiskFull: Drill = {
  name: "restore-disk-full",
  title: "The volume that a backup is restored into is full, or becomes full",
  runbook: "disk-filling.md",
  hypothesis:
    "Without room for the backup and its replay the restore is refused before anything is written. One that runs out of room in the middle says so in one sentence, ends with the same exit code, and leaves nothing. With room it works. The cluster notices none of it.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const leader = await scene.leader();
    await scene.step("A full backup", async () => {
      await backUp(scene);
      await archiveAll(scene, leader);
    });
    const machine = await scene.step("Provision: a machine to restore on", () =>
      scene.running.callRestoreMachine(scene.id, { test: false }),
    );
    try {
      await scene.fault(`its volume is full, but for ${LEFT_MIB} MiB`, async () => {
        await machine.fillDisk(LEFT_MIB * 1024 ** 2);
        const { code, error, seconds } = await restore(machine, ["--to", "latest"]);
        scene.prove(
          `refused: ${error}`,
          code === NO_ROOM && !!error?.includes("Restore into a larger volume"),
        );
        scene.prove(
          "nothing was written before",
          seconds.restore === undefined && (await leftovers(machine)) === "",
        );
      });
      await scene.step("Restore: the volume fills up in the middle", async () => {
        await machine.emptyDisk();
        const [{ code, error, seconds }] = await Promise.all([
          restore(machine, ["--to", "latest"]),
          fillOnceBegun(scene, machine),
        ]);
        scene.prove(
          `it had begun, and ended with one sentence: ${error}`,
          seconds.restore !== undefined && code === NO_ROOM && !!error?.includes("filled up"),
        );
        const left = await leftovers(machine);
        scene.prove(`nothing is left of it: ${left || "nothing"}`, left === "");
        const running = (await machine.run(["pgrep", "-u", "postgres", "-a"])).stdout.trim();
        scene.prove(`nothing runs on: ${running || "nothing"}`, running === "");
      });
      await scene.step("Restore: with room it works", async () => {
        await machine.emptyDisk();
        const { code, error, seconds } = await restore(machine, ["--to", "latest"]);
        scene.prove(`it is restored: ${error ?? "no error"}`, code === 0);
        scene.measure({
          name: "restored and open for questions",
          value: Object.values(seconds).reduce((sum, each) => sum + each, 0),
          unit: "s",
        });
      });
    } finally {
      await scene.running.endRestoreMachine(scene.id);
    }
  },
};

/** Files below the folder. */
const leftovers = async (machine: Machine): Promise<string> =>
  (await machine.run(["sh", "-c", `find ${FOLDER} -type f 2>/dev/null | head -5`])).stdout.trim();

/** As soon as pgBackRest has written something. */
async function fillOnceBegun(scene: Scene, machine: Machine): Promise<void> {
  const { exitCode } = await tryScript(
    machine,
    `for i in $(seq 3000); do if [ -n "$(find ${FOLDER}/data -type f -size +0 2>/dev/null | head -1)" ]; then exit 0; fi; sleep 0.02; done; exit 1`,
  );
  if (exitCode !== 0) throw new Error("the restore wrote nothing");
  await machine.fillDisk();
  scene.prove("its volume was filled while it wrote", true);
}
