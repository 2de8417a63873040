/** What clients saw of one node: proof that a fault reached it, and measure of how long it went on serving. */
import type { Machine } from "../twin/types.js";
import type { WriteEvent } from "../workload/events.js";
import type { Scene } from "./scene.js";

/** Writes of the workload that this node acknowledged and that were sent after the fault had been done. */
export function acknowledgedSince({ ledger, faults }: Scene, node: Machine): WriteEvent[] {
  const since = faults.at(-1)?.to ?? Number.POSITIVE_INFINITY;
  return ledger.writes.filter(
    ({ node: address, result, sent }) =>
      address === node.address && result === "acknowledged" && sent > since,
  );
}

/** Whether a session of the workload to this node ended, after the first fault had begun, without an answer to its statement. */
export function sessionsBroke({ ledger, faults }: Scene, node: Machine): boolean {
  const since = faults[0]?.from ?? Number.POSITIVE_INFINITY;
  return ledger.writes.some(
    ({ node: address, result, done }) => address === node.address && result === "unknown" && done > since,
  );
}

/**
 * Until when, after the fault had been done, an acknowledgement of this node came in; 0 when none did. At most
 * the leader lease: it was last renewed before. To be called before the node may lead again.
 */
export function measureSilencing(scene: Scene, old: Machine): void {
  const { ledger, faults, settings } = scene;
  const done = faults[0]?.to ?? Number.NaN;
  const last = [...ledger.writes, ...ledger.probes]
    .filter(({ node, result }) => node === old.address && result === "acknowledged")
    .reduce((latest, { arrived }) => Math.max(latest, arrived), done);
  scene.measure({
    name: "old leader's last acknowledgement after the fault",
    value: (last - done) / 1000,
    unit: "s",
    atMost: settings.failover.leaderLeaseSeconds,
  });
}

/**
 * How often the leadership moved since `before`.
 * @param atMost for most faults that leave the leader alone: never
 */
export async function measureLeaderChanges(
  scene: Scene,
  before: { readonly timeline: number },
  atMost = 0,
): Promise<void> {
  // Each promotion begins a timeline.
  const after = await scene.eventually("a leader", () => scene.view());
  scene.measure({ name: "changes of the leader", value: after.timeline - before.timeline, unit: "", atMost });
}
