import type { Machine } from "../../twin/types.js";
import { now } from "../../workload/clock.js";
import type { WriteEvent } from "../../workload/events.js";
import type { Drill } from "../drill.js";
import { measureLeaderChanges } from "../evidence.js";
import type { Scene } from "../scene.js";

/** Half of the time the volume takes no write; each time well below the leader lease. */
const HANG_MILLIS = 400;
const EVERY_MILLIS = 800;
const SLOW_SECONDS = 15;

/** Looked back before the fault, for comparison: the load has run well since. */
const WELL_MILLIS = 2000;

/** A write that waited at least half of a hang was held up by it. */
const HELD_UP_MILLIS = HANG_MILLIS / 2;

export const slowDisk: Drill = {
  name: "slow-disk",
  title: "The leader's volume hangs again and again",
  runbook: "disk-slow.md",
  hypothesis:
    "Commits wait while the leader's volume hangs, and with them PostgreSQL's and etcd's own files. The guard needs no disk and renews the lease with another etcd member, so the leader stays: clients that see acknowledgements are not robbed. When the volume is well, writes are as fast as before.",
  nightly: true,
  expect: { writeGapSeconds: 5, rejoinSeconds: 90 },
  async run(scene) {
    const before = await scene.whole();
    const leader = await scene.leader();
    const well = acknowledged(scene, leader, now() - WELL_MILLIS);
    const stop = await scene.fault(
      `hang ${leader.name}'s volume for ${HANG_MILLIS} of every ${EVERY_MILLIS} ms`,
      () => leader.slowDisk(HANG_MILLIS, EVERY_MILLIS),
    );
    const from = scene.faults[0]?.to ?? 0;
    await scene.step(`Detect: commits are slow for ${SLOW_SECONDS} s`, () => scene.settle(SLOW_SECONDS));
    const slow = acknowledged(scene, leader, from);
    const held = slow.filter((write) => waited(write) >= HELD_UP_MILLIS);
    scene.measure({ name: "slowest write, volume well", value: slowest(well), unit: "ms" });
    scene.measure({ name: "slowest write, volume hanging", value: slowest(slow), unit: "ms" });
    scene.measure({ name: "writes that waited for the volume", value: held.length, unit: "" });
    scene.prove(
      `${held.length} writes waited for the volume and were acknowledged by ${leader.name}`,
      held.length >= 10,
    );
    await measureLeaderChanges(scene, before);
    await scene.step("Recover: the volume is well again", stop);
    await scene.step("Verify: the same node takes writes, every node is in sync", async () => {
      const node = await scene.writesFlow();
      if (node !== leader.address)
        throw new Error(`writes are acknowledged by ${node}, not by ${leader.name}`);
      await scene.whole();
    });
  },
};

const acknowledged = ({ ledger }: Scene, { address }: Machine, from: number): WriteEvent[] =>
  ledger.writes.filter(
    ({ node, result, sent }) => node === address && result === "acknowledged" && sent >= from,
  );

const waited = ({ sent, arrived }: WriteEvent): number => arrived - sent;

const slowest = (writes: readonly WriteEvent[]): number => Math.max(0, ...writes.map(waited));
