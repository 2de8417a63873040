import type { Machine } from "../../twin/types.js";
import type { Drill } from "../drill.js";
import { sessionsBroke } from "../evidence.js";
import type { Scene } from "../scene.js";
import { writeWal } from "../wal.js";

/** PostgreSQL goes on in segments that it has already; more than it keeps of those between checkpoints. */
const MOST_WAL_MIB = 2048;
const CHUNK_MIB = 32;
const SEGMENT_MIB = 16;

/** What `journalctl -u patroni` shows on a real machine. */
const LOG = "/run/twin/logs/patroni.log";

export const walDiskFull: Drill = {
  name: "wal-disk-full",
  title: "The leader's volume is full",
  runbook: "disk-filling.md",
  hypothesis:
    "With no room for WAL the leader's PostgreSQL stops by itself. Patroni gives the leader key up at once, and a synchronous replica, whose volume has room, takes over. No acknowledged row is lost. Given room again, the node comes back as a replica by itself.",
  expect: { writeGapSeconds: 10, rejoinSeconds: 180 },
  async run(scene) {
    const old = await scene.leader();
    await scene.fault(`fill ${old.name}'s volume, write WAL until PostgreSQL stops`, async () => {
      await old.fillDisk();
      const left = await free(scene, old);
      scene.prove(`${old.name} has no room for a WAL segment: ${left} MiB are left`, left < SEGMENT_MIB);
      const logged = Number(await scene.must(old, ["stat", "--format=%s", LOG]));
      scene.prove("PostgreSQL stopped in the middle of a statement", await stops(scene, old));
      const why = await scene.must(old, ["sh", "-c", `tail -c +${logged + 1} ${LOG} | grep PANIC || true`]);
      scene.prove(
        `it says why: ${why.split("\n")[0]?.replace(/^.*PANIC: */, "")}`,
        why.includes("No space left on device"),
      );
    });
    const next = await scene.step("Detect: another node leads", () => scene.leaderOtherThan([old.name]));
    scene.prove(`the leader changed from ${old.name} to ${next.name}`, next.name !== old.name);
    await scene.step("Service discovery: writes reach the new leader", async () => {
      const node = await scene.writesFlow();
      scene.prove(`writes are acknowledged by ${next.name}`, node === next.address);
    });
    scene.prove("sessions to the old leader broke", sessionsBroke(scene, old));
    await scene.step(`Recover: make room on ${old.name}`, () => old.emptyDisk());
    await scene.step(`Recover: etcd and PostgreSQL of ${old.name} come back by themselves`, async () => {
      await scene.eventually("etcd", () => old.isActive("etcd"));
      await scene.whole(180);
    });
  },
};

/** Writes WAL until the session that does breaks. @returns whether it did. */
async function stops(scene: Scene, node: Machine): Promise<boolean> {
  for (let written = 0; written < MOST_WAL_MIB; written += CHUNK_MIB) {
    const broke = await writeWal(scene, node, CHUNK_MIB).then(
      () => false,
      () => true,
    );
    if (broke) return true;
  }
  return false;
}

async function free(scene: Scene, node: Machine): Promise<number> {
  const text = await scene.must(node, ["df", "--output=avail", "--block-size=1M", "/var/lib/dr"]);
  return Number(text.trim().split("\n").at(-1));
}
