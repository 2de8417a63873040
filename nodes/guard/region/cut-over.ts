/**
 * A cut-over of the whole cluster to restored data, as far as etcd is concerned: what it remembers of the log that is
 * set aside would keep every node with the restored one from leading. `guard.cjs forget-log` and its like; they are
 * called on a node while no Patroni of the region runs. docs/decisions/0018-a-restore-never-writes-over-anything.md
 */

import type { View } from "../leader/leader-facts.js";
import { type Keys, logKeys, readAll, type Transaction, viewOf } from "../leader/leader-keys.js";
import type { KeyValue } from "../shared/etcd.js";
import { roleOf } from "./standby-cluster.js";

/** What is read before anything is changed, and compared when it is. */
export interface LogMemory {
  readonly leader: string | undefined;
  readonly epoch: number;
  readonly role: "primary" | "standby" | undefined;
  /** Stamp of the last cut-over that came so far; `undone <stamp>` of one that was put back. */
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

/** Stamps are times of one width. @returns whether what stands there, put back or not, is of a later cut-over */
export const isLater = (known: string | undefined, stamp: string): boolean =>
  (known?.split(" ").at(-1) ?? "") > stamp;

/** Why the log can't be forgotten now; undefined: it can. */
export function refusal(memory: LogMemory, stamp: string, epoch: number): string | undefined {
  if (isLater(memory.cutOver, stamp)) return later(memory);
  if (memory.cutOver === undone(stamp)) return `cut-over ${stamp} was put back`;
  if (memory.role !== "primary") return "this region is not marked as active";
  if (memory.epoch !== epoch) return `the greatest epoch is ${memory.epoch} by now, and was ${epoch}`;
  if (memory.leader !== undefined) return `${memory.leader} has the leader key`;
  return undefined;
}

const later = ({ cutOver }: LogMemory): string => `there was a later cut-over: ${cutOver}`;

/**
 * Forgets how far the log had come and who had it, in one transaction that notes so: from here on only the restored
 * data may lead, and nothing is put back any more. Compared are the configuration (so the role), the greatest epoch,
 * that nobody leads, the heartbeat, and that no other cut-over came in between.
 *
 * The heartbeat stays, for it says whose lease must have run out; but not its timeline, of which a log that parted
 * before it is no descendant: no guard would ever open.
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

/** Notes that the old data stay: from here on `forgetLog` refuses this stamp. */
export const keepLog = (keys: Keys, { cutOverMod }: LogMemory, stamp: string): Transaction => ({
  compare: [{ key: keys.cutOver, mod: cutOverMod }],
  success: [{ put: keys.cutOver, value: undone(stamp) }],
  failure: [],
});

/** What a command says: as JSON on standard output. */
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

/** @returns undefined for what is no such command. @throws Error for wrong arguments */
export function logOrderOf(command: string | undefined, [stamp = "", epoch = ""]: readonly string[]) {
  if (!["log-state", "forget-log"].includes(command ?? "")) return undefined;
  if (command === "log-state") return { kind: "look" } satisfies LogOrder;
  if (!/^\d{8}T\d{6}Z$/.test(stamp)) throw new Error(`${command}: '${stamp}' is no stamp of a cut-over`);
  if (!/^[1-9]\d{0,14}$/.test(epoch)) throw new Error(`forget-log: '${epoch}' is no epoch`);
  return { kind: "forget", stamp, epoch: Number(epoch) } satisfies LogOrder;
}

type Transact = (transaction: Transaction) => Promise<{
  readonly succeeded: boolean;
  readonly ranges: readonly (readonly KeyValue[])[];
}>;

/** Carries an order out, once; whoever is refused asks again. @throws Error when etcd does not answer */
export async function carryOutLogOrder(keys: Keys, order: LogOrder, transact: Transact): Promise<LogAnswer> {
  const { ranges } = await transact({ compare: [], success: readAll(keys), failure: [] });
  const memory = memoryOf(keys, ranges);
  const { leader, epoch, role, cutOver } = memory;
  const seen = { leader, epoch, role, cutOver };
  if (order.kind === "look") return { result: "seen", ...seen };
  // It may have been carried out when its answer got lost.
  if (cutOver === order.stamp)
    return order.kind === "forget"
      ? { result: "forgotten", ...seen }
      : { result: "refused", reason: `cut-over ${order.stamp} has gone on since`, ...seen };
  if (order.kind === "keep") {
    if (cutOver === undone(order.stamp)) return { result: "kept", ...seen };
    // What it forgot must stay known.
    if (isLater(cutOver, order.stamp)) return { result: "refused", reason: later(memory), ...seen };
    const { succeeded } = await transact(keepLog(keys, memory, order.stamp));
    return succeeded ? { result: "kept", ...seen } : { result: "refused", reason: CHANGED, ...seen };
  }
  const reason = refusal(memory, order.stamp, order.epoch);
  if (reason !== undefined) return { result: "refused", reason, ...seen };
  const { succeeded } = await transact(forgetLog(keys, memory, order.stamp));
  return succeeded ? { result: "forgotten", ...seen } : { result: "refused", reason: CHANGED, ...seen };
}

const CHANGED = "something has changed in etcd meanwhile";
