import type { Machine } from "../../twin/types.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";
import { tryScript } from "./stage/node-script.js";
import { restore } from "./stage/restored.js";
import { archiveAll, backUp, QUICK_ARCHIVE } from "./stage/steps.js";

/** `dr-restore` says: not enough room. */
const NO_ROOM = 5;
const FOLDER = "/var/lib/dr/by-hand";
const LEFT_MIB = 100;
/** What `dr-restore` wants beside the backup, and a bit: less than that is soon gone. */
const REPLAY_MIB = 512 + 32;

export const restoreDiskFull: Drill = {
  name: "restore-disk-full",
  title: "The volume that a backup is restored into is full, or becomes full",
  runbook: "disk-filling.md",
  nightly: true,
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
    let size = 0;
    try {
      await scene.fault(`its volume is full, but for ${LEFT_MIB} MiB`, async () => {
        await machine.fillDisk(LEFT_MIB * 1024 ** 2);
        const { code, error, seconds, bytes } = await restore(machine, ["--to", "latest"]);
        size = bytes ?? Number.NaN;
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
        await machine.fillDisk(size + REPLAY_MIB * 1024 ** 2);
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
        await scene.must(machine, ["sh", "-c", "rm -f /var/lib/dr/filler.*"]);
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

/** As soon as pgBackRest has written something; several files, as it goes on to write meanwhile. */
async function fillOnceBegun(scene: Scene, machine: Machine): Promise<void> {
  const begun = `[ -n "$(find ${FOLDER}/data -type f -size +0 2>/dev/null | head -1)" ]`;
  const fill = [
    "cd /var/lib/dr",
    "for n in $(seq 100); do free=$(($(stat -f -c '%a * %S' .)))",
    "[ $free -gt 65536 ] || exit 0",
    "fallocate -l $free filler.$n 2>/dev/null || fallocate -l $((free / 2)) filler.$n 2>/dev/null || true",
    "done",
  ].join("; ");
  const { exitCode } = await tryScript(
    machine,
    `for i in $(seq 6000); do if ${begun}; then (${fill}); exit 0; fi; sleep 0.01; done; exit 1`,
  );
  scene.prove("its volume was filled while it wrote", exitCode === 0);
}
