/**
 * etcd's part in a cut-over of the whole cluster to restored data: what etcd remembers about the old log would keep every
 * node with the restored log from leading. These are the commands `guard.cjs log-state`, `forget-log` and `keep-log`. They
 * run on a node while no Patroni of the region runs. docs/decisions/0018-a-restore-never-writes-over-anything.md
 */

import type { View } from "../leader/leader-facts.js";
import { type Keys, logKeys, readAll, type Transaction, viewOf } from "../leader/leader-keys.js";
import type { KeyValue } from "../shared/etcd.js";
import { roleOf } from "./standby-cluster.js";

/** What a command reads before it changes anything, and compares when it does. */
export interface LogMemory {
  readonly leader: string | undefined;
  readonly epoch: number;
  readonly role: "primary" | "standby" | undefined;
  /** Stamp of the last cut-over that reached etcd; `undone <stamp>` after it was undone. */
  readonly cutOver: string | undefined;
  readonly cutOverMod: string;
  readonly view: View;
}

export function memoryOf(keys: Keys, ranges: readonly (readonly KeyValue[])[]): LogMemory {
  const view = viewOf(keys, ranges, { startedAt: 0, endedAt: 0 });
  const own = ranges[1]?.find(({ key }) => key === keys.cutOver);
  return {
    leader: view.leader?.value,
    epoch: view.region.epoch,
    role: roleOf(view.region.config)?.kind,
    cutOver: own?.value,
    cutOverMod: own?.mod_revision ?? "0",
    view,
  };
}

export const undone = (stamp: string): string => `undone ${stamp}`;

/** Stamps are times of one width. @returns whether `known`, undone or not, belongs to a later cut-over */
export const isLater = (known: string | undefined, stamp: string): boolean =>
  (known?.split(" ").at(-1) ?? "") > stamp;

/** Why etcd must not forget the log now; undefined when it may. */
export function refusal(memory: LogMemory, stamp: string, epoch: number): string | undefined {
  if (isLater(memory.cutOver, stamp)) return later(memory);
  if (memory.cutOver === undone(stamp)) return `cut-over ${stamp} was undone`;
  if (memory.role !== "primary") return "this region is not marked as active";
  if (memory.epoch !== epoch) return `the highest epoch is now ${memory.epoch}; it was ${epoch}`;
  if (memory.leader !== undefined) return `${memory.leader} holds the leader key`;
  return undefined;
}

const later = ({ cutOver }: LogMemory): string => `there was a later cut-over: ${cutOver}`;

/**
 * Deletes the old log's position and the list of nodes that have it, and notes the cut-over, in one transaction. After it
 * only the restored data may lead, and the cut-over can't be undone. The transaction compares the configuration (and so
 * the role), the highest epoch, the absence of a leader, the heartbeat, and the last cut-over.
 *
 * It keeps the heartbeat, which shows whose lease must have expired, but resets its timeline: a log that diverged before
 * that timeline doesn't descend from it, and no guard would ever open.
 */
export const forgetLog = (keys: Keys, { view, cutOverMod }: LogMemory, stamp: string): Transaction => ({
  compare: [
    { key: keys.config, mod: view.region.configMod },
    { key: keys.epoch, mod: view.region.epochMod },
    { key: keys.leader, create: "0" },
    { key: keys.heartbeat, mod: view.heartbeat?.mod ?? "0" },
    { key: keys.cutOver, mod: cutOverMod },
  ],
  success: [
    ...[...logKeys(keys), keys.failover].map((key) => ({ delete: key })),
    { put: keys.cutOver, value: stamp },
    ...(view.heartbeat
      ? [{ put: keys.heartbeat, value: JSON.stringify({ ...view.heartbeat.beat, timeline: 0 }) }]
      : []),
  ],
  failure: [],
});

/** Notes that the old data stay: after it `forgetLog` refuses this stamp. */
export const keepLog = (keys: Keys, { cutOverMod }: LogMemory, stamp: string): Transaction => ({
  compare: [{ key: keys.cutOver, mod: cutOverMod }],
  success: [{ put: keys.cutOver, value: undone(stamp) }],
  failure: [],
});

/** A command's answer, as JSON on standard output. */
export interface LogAnswer {
  readonly result: "seen" | "forgotten" | "kept" | "refused";
  readonly reason?: string;
  readonly leader?: string;
  readonly epoch: number;
  readonly role?: string;
  readonly cutOver?: string;
}

export type LogOrder =
  | { readonly kind: "look" }
  | { readonly kind: "forget"; readonly stamp: string; readonly epoch: number }
  | { readonly kind: "keep"; readonly stamp: string };

/** @returns undefined for any other command. @throws Error for wrong arguments */
export function logOrderOf(command: string | undefined, [stamp = "", epoch = ""]: readonly string[]) {
  if (!["log-state", "forget-log"].includes(command ?? "")) return undefined;
  if (command === "log-state") return { kind: "look" } satisfies LogOrder;
  if (!/^\d{8}T\d{6}Z$/.test(stamp)) throw new Error(`${command}: '${stamp}' is not a cut-over's stamp`);
  if (!/^[1-9]\d{0,14}$/.test(epoch)) throw new Error(`forget-log: '${epoch}' is not an epoch`);
  return { kind: "forget", stamp, epoch: Number(epoch) } satisfies LogOrder;
}

type Transact = (transaction: Transaction) => Promise<{
  readonly succeeded: boolean;
  readonly ranges: readonly (readonly KeyValue[])[];
}>;

/** Carries out an order once; after a refusal the caller tries again. @throws Error when etcd does not answer */
export async function carryOutLogOrder(keys: Keys, order: LogOrder, transact: Transact): Promise<LogAnswer> {
  const { ranges } = await transact({ compare: [], success: readAll(keys), failure: [] });
  const memory = memoryOf(keys, ranges);
  const { leader, epoch, role, cutOver } = memory;
  const seen = { leader, epoch, role, cutOver };
  if (order.kind === "look") return { result: "seen", ...seen };
  // An earlier attempt may have succeeded although its answer got lost.
  if (cutOver === order.stamp)
    return order.kind === "forget"
      ? { result: "forgotten", ...seen }
      : { result: "refused", reason: `cut-over ${order.stamp} can't be undone any more`, ...seen };
  if (order.kind === "keep") {
    if (cutOver === undone(order.stamp)) return { result: "kept", ...seen };
    // The note of the later cut-over must stay.
    if (isLater(cutOver, order.stamp)) return { result: "refused", reason: later(memory), ...seen };
    const { succeeded } = await transact(keepLog(keys, memory, order.stamp));
    return succeeded ? { result: "kept", ...seen } : { result: "refused", reason: CHANGED, ...seen };
  }
  const reason = refusal(memory, order.stamp, order.epoch);
  if (reason !== undefined) return { result: "refused", reason, ...seen };
  const { succeeded } = await transact(forgetLog(keys, memory, order.stamp));
  return succeeded ? { result: "forgotten", ...seen } : { result: "refused", reason: CHANGED, ...seen };
}

const CHANGED = "etcd's keys changed in the meantime";
