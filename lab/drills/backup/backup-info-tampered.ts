import { rollBack } from "../../../operations/vault/repair.js";
import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import { AlarmWatch } from "./stage/alarm-watch.js";
import { asNode, overwrite, repaired, replay, vaultOf, versionsOf } from "./stage/attacker.js";
import { momentOf, Restored, restore } from "./stage/restored.js";
import { archiveAll, backUp, backupLabels, momentInVault, QUICK_ARCHIVE } from "./stage/steps.js";

const GARBAGE = "[backrest]\nall your backups are gone\n";
/** Two rounds of the nodes' check, which comes within each archive timeout. */
const ALARM_SECONDS = 25;

export const backupInfoTampered: Drill = {
  name: "backup-info-tampered",
  title: "Somebody with a node's rights overwrites the repository's list of backups",
  runbook: "vault-tampering.md",
  hypothesis:
    "The nodes' check notices that none of them wrote the list. A plain restore fails or uses a wrong list; a restore from the repository as of an earlier time finds everything. After the rollback the repository is intact and takes the next backup.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const leader = await scene.leader();
    const vault = vaultOf(scene, "home");
    const info = `${vault.prefix}backup/${vault.stanza}/backup.info`;
    const lists = [info, `${info}.copy`] as const;
    const attacker = asNode(scene, "home");
    const watch = await AlarmWatch.open(scene, "home");
    try {
      const node = await scene.step("Two backups, and the list is in order", async () => {
        await backUp(scene, "full");
        return backUp(scene, "incr");
      });
      const labels = await backupLabels(node);
      const written = await momentOf(scene, leader);
      await archiveAll(scene, leader);
      const before = await momentInVault(scene, leader);
      await scene.fault("overwrite backup.info and its copy", () =>
        Promise.all(lists.map((key) => overwrite(attacker, vault.bucket, key, GARBAGE))),
      );
      await scene.step("Detect: the nodes' check says so", () =>
        watch.rings("vault-tampered", scene.faults[0]?.from as number, ALARM_SECONDS),
      );
      const machine = await scene.running.callRestoreMachine("home", { test: false });
      try {
        await scene.step("Restore: a plain one fails, and says why", async () => {
          const { code, error } = await restore(machine, []);
          scene.prove(`dr-restore ended with ${code}: ${error}`, code !== 0 && error !== null);
        });
        await scene.step(`Restore: from the repository as of ${before.time}`, async () => {
          const options = ["--to", written.time, "--as-of", before.time];
          const restored = await Restored.with(scene, machine, options);
          await restored.holdsWritesUntil(written);
        });
      } finally {
        await scene.running.endRestoreMachine("home");
      }
      await scene.fault("put an older list in its place, well-formed", async () => {
        const versions = await versionsOf(attacker, vault.bucket, info);
        const older = versions.filter(({ Key }) => Key === info).at(-1);
        if (!older) throw new Error(`${info} has no version`);
        for (const key of lists) await replay(attacker, vault.bucket, older, key);
      });
      const wrong = await backupLabels(node);
      scene.prove(
        `the list is valid and wrong: it has ${wrong.length} of ${labels.length} backups`,
        wrong.length < labels.length,
      );
      await scene.step(`Bring back: roll the lists back to ${before.time}`, async () => {
        const to = Date.parse(before.time);
        const found = await rollBack(repaired(scene, "home"), vault.prefix, to, [], { yes: true });
        scene.measure({ name: "lists rolled back", value: found.length, unit: "" });
        const again = await backupLabels(node);
        scene.prove(`the list has all ${labels.length} backups again`, again.join() === labels.join());
      });
      await scene.step("Verify: the next backup works, and the check is quiet", async () => {
        await backUp(scene, "incr");
        scene.prove("there is one backup more", (await backupLabels(node)).length === labels.length + 1);
        await watch.isQuiet("vault-tampered", now());
      });
    } finally {
      await watch.close();
    }
  },
};
