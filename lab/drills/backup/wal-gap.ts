import type { Machine } from "../../twin/types.js";
import { now } from "../../workload/clock.js";
import type { Drill } from "../drill.js";
import type { Scene } from "../scene.js";
import { AlarmWatch } from "./stage/alarm-watch.js";
import { bringBack, hide, segmentKey } from "./stage/hidden.js";
import { restore } from "./stage/restored.js";
import { archiveAll, backUp, checkVault, QUICK_ARCHIVE } from "./stage/steps.js";

/** `dr-restore` says: nothing from which that could be restored. */
const UNRESTORABLE = 3;

export const walGap: Drill = {
  name: "wal-gap",
  title: "One archived WAL segment vanishes from the vault",
  runbook: "wal-archiving-broken.md",
  hypothesis:
    "The leader compares the vault with what should be there, twice within an archive timeout, and the alarm has what it rings for within one. A restore beyond the hole is refused with the segment's name before anything is written. A plain delete only hides it: brought back, the vault is whole. Where it is gone for good, a new full backup leaves the hole behind.",
  settings: QUICK_ARCHIVE,
  expect: { writeGapSeconds: 5 },
  async run(scene) {
    const leader = await scene.leader();
    const watch = await AlarmWatch.open(scene, scene.id);
    const hidden = new Set<string>();
    const lose = async (segment: string): Promise<string> => {
      const key = await segmentKey(scene, segment);
      await hide(scene, key);
      hidden.add(key);
      return key;
    };
    try {
      await scene.step("A full backup", () => backUp(scene));
      const [, gone = "", later = ""] = await scene.step("Three segments after it are archived", () =>
        segmentsOf(scene, leader, 3),
      );
      const key = await scene.fault(`${gone} is deleted with a node's own rights`, () => lose(gone));
      const from = now();
      await scene.step("Detect: within an archive timeout", async () => {
        await watch.rings("wal-gap", from, scene.settings.backup.archiveTimeoutSeconds);
        const { reasons } = await checkVault(scene, leader);
        scene.prove(
          `dr-check-vault names it: ${reasons.join("; ")}`,
          reasons.some((each) => each.includes(gone)),
        );
      });
      await scene.step("Confine: what a restore could reach", async () => {
        const machine = await scene.running.callRestoreMachine(scene.id, { test: false });
        // To `latest` it would end before the hole, with a note: as young as this one is, it may be on its way.
        const { code, error } = await restore(machine, ["--lsn", positionIn(later)]);
        scene.prove(
          `a restore beyond it is refused: ${error}`,
          code === UNRESTORABLE && !!error?.includes(gone),
        );
        await scene.must(machine, ["test", "!", "-e", "/var/lib/dr/by-hand/data"]);
      });
      await scene.step("Recover: the marker is taken away that hides it", async () => {
        await bringBack(scene, key);
        hidden.delete(key);
        await watch.isQuiet("wal-gap", now());
      });
      await scene.step("Verify: the same restore reaches the present", async () => {
        const machine = scene.twin.machine(scene.region.restoreNode);
        const { code, error, walSegments = 0 } = await restore(machine, ["--to", "latest"]);
        scene.prove(
          `${walSegments} segments were replayed, beyond ${later}: ${error ?? "no error"}`,
          code === 0 && walSegments > 2,
        );
        await scene.running.endRestoreMachine(scene.id);
      });
      await scene.step("Recover: another one, gone for good, is left behind by a full backup", async () => {
        const [, lost = ""] = await segmentsOf(scene, leader, 3);
        await lose(lost);
        await watch.rings("wal-gap", now(), scene.settings.backup.archiveTimeoutSeconds);
        await backUp(scene);
        await watch.isQuiet("wal-gap", now());
        const { reasons } = await checkVault(scene, leader);
        scene.prove(`it is still told of: ${reasons.join("; ")}`, reasons.join().includes(lost));
      });
    } finally {
      await watch.close();
      await scene.running.endRestoreMachine(scene.id);
      for (const key of hidden) await bringBack(scene, key);
    }
  },
};

/** A position in a segment, as PostgreSQL writes it. */
function positionIn(segment: string): string {
  const part = (from: number) => Number.parseInt(segment.slice(from, from + 8), 16);
  return `${part(8).toString(16).toUpperCase()}/${(part(16) * 0x100_0000 + 0x100).toString(16).toUpperCase()}`;
}

/** Ends so many segments one after another, each with something in it. */
async function segmentsOf(scene: Scene, leader: Machine, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) names.push(await archiveAll(scene, leader));
  return names;
}
