import { unhide } from "../../../operations/vault/repair.js";
import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import { AlarmWatch } from "./stage/alarm-watch.js";
import { asNode, hideAll, repaired, vaultOf, versionsOf } from "./stage/attacker.js";
import { script } from "./stage/node-script.js";
import { momentOf, Restored } from "./stage/restored.js";
import { archiveAll, backUp, backupLabels, momentInVault, QUICK_ARCHIVE } from "./stage/steps.js";

/** Two rounds of the nodes' check, which comes within each archive timeout. */
const ALARM_SECONDS = 25;
const VERIFY_SECONDS = 120;

export const repositoryHidden: Drill = {
  name: "repository-hidden",
  title: "Every object of the repository is deleted with a node's rights",
  runbook: "vault-tampering.md",
  nightly: true,
  hypothesis:
    "A node may delete, for pgBackRest expires by it; but a delete only hides. The check notices, a restore from the repository as it was before needs no repair, and without the delete markers all of it is there again, nothing missing.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const leader = await scene.leader();
    const vault = vaultOf(scene, "home");
    const attacker = asNode(scene, "home");
    const watch = await AlarmWatch.open(scene, "home");
    try {
      const node = await scene.step("A full backup", () => backUp(scene, "full"));
      const labels = await backupLabels(node);
      const written = await momentOf(scene, leader);
      await archiveAll(scene, leader);
      const before = await momentInVault(scene, leader);
      const hidden = await scene.fault(`delete everything below ${vault.prefix}`, () =>
        hideAll(attacker, vault),
      );
      scene.measure({ name: "objects deleted", value: hidden, unit: "" });
      scene.prove("no backup can be seen any more", (await backupLabels(node)).length === 0);
      await scene.step("Detect: the nodes' check says so", () =>
        watch.rings("vault-tampered", scene.faults[0]?.from as number, ALARM_SECONDS),
      );
      await scene.step(`Restore: from the repository as of ${before.time}, without a repair`, async () => {
        const options = ["--to", written.time, "--as-of", before.time];
        const restored = await Restored.on(scene, "home", options);
        try {
          await restored.holdsWritesUntil(written);
        } finally {
          await restored.close();
        }
      });
      await scene.step(`Bring back: remove the delete markers made since ${before.time}`, async () => {
        const found = await unhide(repaired(scene, "home"), vault.prefix, Date.parse(before.time), {
          yes: true,
        });
        scene.measure({ name: "objects brought back", value: found.length, unit: "" });
        scene.measure({ name: "objects still hidden", value: hidden - found.length, unit: "", atMost: 0 });
        scene.prove(
          "pgBackRest's list has every backup again",
          (await backupLabels(node)).join() === labels.join(),
        );
      });
      await scene.step(
        "Verify: what is archived meanwhile arrives, and every checksum is right",
        async () => {
          await archiveAll(scene, leader);
          const said = await script(
            node,
            'runuser -u postgres -- pgbackrest --stanza="$DR_STANZA" --output=text --verbose verify',
            VERIFY_SECONDS,
          );
          scene.prove("pgBackRest verifies the whole repository", /status: ok/.test(said));
        },
      );
      await scene.step("Verify: the next backup works, and the check is quiet", async () => {
        await backUp(scene, "incr");
        await watch.isQuiet("vault-tampered", now());
        await watch.isQuiet("wal-gap", now());
        const versions = await versionsOf(attacker, vault.bucket, vault.prefix);
        scene.measure({ name: "versions in the repository", value: versions.length, unit: "" });
      });
    } finally {
      await watch.close();
    }
  },
};
