import type { ObjectVersion, S3Client } from "@aws-sdk/client-s3";
import { protect } from "../../../operations/vault/repair.js";
import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";
import { AlarmWatch } from "./stage/alarm-watch.js";
import { asNode, asRoot, repaired, tried, vaultOf, versionsOf } from "./stage/attacker.js";
import {
  type Attempt,
  byNode,
  byRoot,
  NOT_ENFORCED,
  notEnforced,
  suspendVersioning,
} from "./stage/attempts.js";
import { backUp, QUICK_ARCHIVE } from "./stage/steps.js";

/** Two rounds of the nodes' check, which comes within each archive timeout. */
const ALARM_SECONDS = 25;

export const vaultAttacked: Drill = {
  name: "vault-attacked",
  title: "Somebody with a node's rights, then with all rights, wants the backups gone",
  runbook: "vault-tampering.md",
  hypothesis:
    "A node's role may neither delete a version nor change what protects one, and the lock itself refuses even an attacker with every right in the account. The checks notice each setting that can be weakened, the operator restores it, and no locked object is lost.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const vault = vaultOf(scene, "home");
    const root = asRoot(scene, "home");
    const watch = await AlarmWatch.open(scene, "home");
    try {
      await scene.step("A full backup", () => backUp(scene, "full"));
      const before = await versionsOf(root, vault.bucket, vault.prefix);
      const target = before.find(({ Key: key }) => key?.endsWith("/backup.info")) as ObjectVersion;
      await scene.fault("with a node's own rights: delete, shorten, unlock, replace, write elsewhere", () =>
        attempt(scene, "a node", asNode(scene, "home"), byNode(scene, target)),
      );
      await scene.fault("as the account's root: delete and shorten what is locked", () =>
        attempt(scene, "root", root, byRoot(scene, target)),
      );
      await scene.step("What S3 would refuse and this emulator doesn't", () => gaps(scene));
      const suspended = now();
      await scene.fault(
        "as the account's root: suspend versioning, which S3 refuses on a locked bucket",
        () => suspendVersioning(root, vault.bucket),
      );
      await scene.step("Detect: the nodes' check says so", () =>
        watch.rings("vault-tampered", suspended, ALARM_SECONDS),
      );
      await scene.step("Protect: versioning and lock as settings say", async () => {
        const days = scene.settings.backup.lockDays;
        const mended = await protect(repaired(scene, "home"), days, { yes: true });
        scene.prove(`restored: ${mended.join(", ")}`, mended.length > 0);
        scene.prove("it protects again", (await protect(repaired(scene, "home"), days)).length === 0);
      });
      await scene.step("Verify: every version is there, the check is quiet, a backup works", async () => {
        const after = await versionsOf(root, vault.bucket, vault.prefix);
        const there = new Set(after.map(({ VersionId: id }) => id));
        const lost = before.filter(({ VersionId: id }) => !there.has(id));
        scene.measure({ name: "versions before", value: before.length, unit: "" });
        scene.measure({ name: "versions lost", value: lost.length, unit: "", atMost: 0 });
        await backUp(scene, "incr");
        await watch.isQuiet("vault-tampered", now());
      });
    } finally {
      await watch.close();
    }
  },
};

/** Each of them, one after another, with S3's answer in the report. */
async function attempt(scene: Scene, who: string, s3: S3Client, attempts: readonly Attempt[]): Promise<void> {
  let succeeded = 0;
  for (const { what, send } of attempts) {
    const { refused, words } = await tried(() => send(s3));
    scene.prove(`${what}: ${words}`, refused);
    if (!refused) succeeded++;
  }
  scene.measure({ name: `attempts of ${who}`, value: attempts.length, unit: "" });
  scene.measure({ name: `attempts of ${who} that succeeded`, value: succeeded, unit: "", atMost: 0 });
}

/** Nothing is judged by these: they say where this emulator is no proof. */
async function gaps(scene: Scene): Promise<void> {
  let accepted = 0;
  for (const { what, send } of notEnforced(scene)) {
    const { refused, words } = await tried(() => send(asNode(scene, "home")));
    scene.prove(`${what}: ${refused ? words : NOT_ENFORCED}`, true);
    if (!refused) accepted++;
  }
  scene.measure({ name: "attempts that S3 refuses and the emulator doesn't", value: accepted, unit: "" });
}
