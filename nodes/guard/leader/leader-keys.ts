/** The keys that guards and Patroni share, and the transactions on them. Pure: builds requests, reads answers. */

import type { Extent, Opening } from "../region/region-facts.js";
import type { GuardConfig } from "../shared/config.js";
import type { Compare, KeyValue, Operation, Outcome } from "../shared/etcd.js";
import type { Action, Beat, Key, View } from "./leader-facts.js";

export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

/** The guards' own keys are outside Patroni's prefix, so that they don't wake its watch. */
export const keysOf = ({ namespace, scope }: Pick<GuardConfig, "namespace" | "scope">) => {
  const patroni = `${namespace}${scope}/`;
  return {
    patroni,
    leader: `${patroni}leader`,
    sync: `${patroni}sync`,
    /** The log position that the leader last reported; older versions of Patroni write it to `optime`. */
    status: `${patroni}status`,
    optime: `${patroni}optime/leader`,
    failover: `${patroni}failover`,
    initialize: `${patroni}initialize`,
    config: `${patroni}config`,
    members: `${patroni}members/`,
    member: (node: string) => `${patroni}members/${node}`,
    guard: `${namespace}guard/${scope}/`,
    heartbeat: `${namespace}guard/${scope}/heartbeat`,
    /** The highest epoch that a guard of this region has seen. */
    epoch: `${namespace}guard/${scope}/epoch`,
    extent: `${namespace}guard/${scope}/extent`,
    opening: `${namespace}guard/${scope}/opening`,
    /** The last cut-over to restored data that reached etcd, or was undone: region/cut-over.ts. */
    cutOver: `${namespace}guard/${scope}/cut-over`,
  };
};
/** Patroni's notes about a log: its position, and the nodes that have it. They must not apply to a node that takes over another log. */
export const logKeys = ({ status, optime, sync }: Keys): readonly string[] => [status, optime, sync];

export type Keys = ReturnType<typeof keysOf>;

/** Linearizable, as transactions are. */
export const readAll = (keys: Keys): Operation[] => [
  { range: keys.patroni, prefix: true },
  { range: keys.guard, prefix: true },
];

/** What `readAll` found. The caller gives the times: before the request, after the answer. */
export function viewOf(
  keys: Keys,
  [patroni = [], guards = []]: readonly (readonly KeyValue[])[],
  times: Pick<View, "startedAt" | "endedAt">,
): View {
  const heartbeat = guards.find(({ key }) => key === keys.heartbeat);
  const { config, ...view } = patroniKeys(keys, patroni);
  return {
    ...times,
    ...view,
    heartbeat: heartbeat && { beat: JSON.parse(heartbeat.value) as Beat, mod: heartbeat.mod_revision },
    region: regionKeys(keys, config, guards),
  };
}

type PatroniKeys = Pick<
  View,
  "leader" | "sync" | "initialize" | "initializeMod" | "forgetMillis" | "members"
> & { readonly config: KeyValue | undefined };

/** Parsed keys per answer: several times a second the answer is the same object. */
const known = new WeakMap<readonly KeyValue[], PatroniKeys>();

function patroniKeys(keys: Keys, range: readonly KeyValue[]): PatroniKeys {
  const before = known.get(range);
  if (before) return before;
  const found = (name: string): Key | undefined => {
    const kv = range.find(({ key }) => key === name);
    return kv && keyOf(kv);
  };
  const config = range.find(({ key }) => key === keys.config);
  const view: PatroniKeys = {
    leader: found(keys.leader),
    sync: found(keys.sync),
    initialize: found(keys.initialize)?.value,
    initializeMod: found(keys.initialize)?.mod,
    forgetMillis: forgetMillisOf(config?.value),
    members: Object.fromEntries(
      range
        .filter(({ key }) => key.startsWith(keys.members))
        .map((kv) => [kv.key.slice(keys.members.length), keyOf(kv)]),
    ),
    config,
  };
  known.set(range, view);
  return view;
}

function regionKeys(keys: Keys, config: KeyValue | undefined, guards: readonly KeyValue[]): View["region"] {
  const own = (name: string) => guards.find(({ key }) => key === name);
  const json = <T>(name: string) => {
    const value = own(name)?.value;
    return value === undefined ? undefined : (JSON.parse(value) as T);
  };
  return {
    config: config?.value,
    configMod: config?.mod_revision ?? "0",
    epoch: json<number>(keys.epoch) ?? 0,
    epochMod: own(keys.epoch)?.mod_revision ?? "0",
    extent: json<Extent>(keys.extent),
    opening: json<Opening>(keys.opening),
  };
}

/**
 * How long a cycle of Patroni can take between reading the cluster and writing to etcd: it queries PostgreSQL, with a
 * timeout of 2 s and two attempts each, and the other members. Source: Patroni, ha.py and postgresql/connection.py.
 */
const CYCLE_MILLIS = 5_000;
/** For the kernel's timers, and for Patroni's work after its last request has failed. */
const FORGET_ALLOWANCE_MILLIS = 500;
/** Seconds. Source: Patroni, "Dynamic Configuration Settings". */
const DEFAULT_RETRY_TIMEOUT = 10;

/**
 * After this time a cycle that began on an old view has ended: Patroni gives up its requests to etcd after
 * `retry_timeout`. The next cycle finds no view, because its watch has been cut off.
 * @param config Patroni's current dynamic configuration
 */
function forgetMillisOf(config: string | undefined): number {
  return retryTimeoutOf(config) * 1000 + CYCLE_MILLIS + FORGET_ALLOWANCE_MILLIS;
}

function retryTimeoutOf(config: string | undefined): number {
  try {
    const seconds = Number((JSON.parse(config ?? "{}") as { retry_timeout?: unknown }).retry_timeout);
    return seconds > 0 ? seconds : DEFAULT_RETRY_TIMEOUT;
  } catch {
    // Patroni, too, ignores a configuration that it can't read.
    return DEFAULT_RETRY_TIMEOUT;
  }
}

const keyOf = (kv: KeyValue): Key => ({
  value: kv.value,
  create: kv.create_revision,
  mod: kv.mod_revision,
  lease: kv.lease,
});

type Of<K extends Action["kind"]> = Extract<Action, { kind: K }>;

/**
 * Compares the key's owner and creation, not its last change, because Patroni sometimes rewrites its lease. A leader
 * reads nothing else while it renews, so the answer includes the keys that other guards may change.
 */
export const renewal = (keys: Keys, { expect, beat }: Of<"renew">): Transaction => ({
  compare: [
    { key: keys.leader, value: expect.leader.value },
    { key: keys.leader, create: expect.leader.create },
    { key: keys.heartbeat, mod: expect.heartbeatMod },
  ],
  success: [
    { put: keys.heartbeat, value: JSON.stringify(beat) },
    { range: keys.config },
    { range: keys.guard, prefix: true },
  ],
  failure: readAll(keys),
});

/** The view after a successful renewal. */
export function renewedView(
  keys: Keys,
  before: View,
  { expect, beat }: Of<"renew">,
  { revision, ranges: [, config = [], guards = []] }: Pick<Outcome, "revision" | "ranges">,
  times: Pick<View, "startedAt" | "endedAt">,
): View {
  return {
    ...before,
    ...times,
    leader: expect.leader,
    heartbeat: { beat, mod: revision },
    forgetMillis: forgetMillisOf(config[0]?.value),
    region: regionKeys(keys, config[0], guards),
  };
}

export const confession = (keys: Keys, { heartbeatMod, beat }: Of<"confess">): Transaction => ({
  compare: [{ key: keys.heartbeat, mod: heartbeatMod }],
  success: [{ put: keys.heartbeat, value: JSON.stringify(beat) }],
  failure: readAll(keys),
});

/** @param marker the leader key's new value, and the short lease that removes it if this guard dies. */
export function takeover(
  keys: Keys,
  { expect, beat }: Of<"take-over">,
  marker?: { readonly value: string; readonly lease: string },
): Transaction {
  const { sync } = expect;
  return {
    compare: [
      { key: keys.leader, mod: expect.leader.mod },
      { key: keys.heartbeat, mod: expect.heartbeatMod },
      { key: keys.sync, mod: sync?.mod ?? "0" },
    ],
    success: [
      { put: keys.heartbeat, value: JSON.stringify(beat) },
      ...(sync ? [{ put: keys.sync, value: sync.value }] : []),
      marker ? { put: keys.leader, value: marker.value, lease: marker.lease } : { delete: keys.leader },
    ],
    failure: readAll(keys),
  };
}

/** Removes only this marker: neither another guard's marker nor the key of a newly elected leader. */
export const unmarking = (keys: Keys, marker: string): Transaction => ({
  compare: [{ key: keys.leader, value: marker }],
  success: [{ delete: keys.leader }],
  failure: [],
});

/**
 * Gives the leader key to the candidate's Patroni session. Compares the member key's *lease*, because Patroni may
 * rewrite the key itself at any time.
 */
export function handover(
  keys: Keys,
  view: View,
  candidate: { readonly name: string; readonly session: string },
): Transaction {
  const { leader, heartbeat, sync } = view;
  if (!leader || !heartbeat) throw new Error("there is no leader key or no heartbeat to hand over");
  return {
    compare: [
      { key: keys.leader, value: leader.value },
      { key: keys.leader, create: leader.create },
      { key: keys.heartbeat, mod: heartbeat.mod },
      { key: keys.sync, mod: sync?.mod ?? "0" },
      { key: keys.member(candidate.name), lease: candidate.session },
    ],
    success: [
      { put: keys.leader, value: candidate.name, lease: candidate.session },
      { put: keys.heartbeat, value: JSON.stringify({ ...heartbeat.beat, state: "closed" } satisfies Beat) },
      ...(sync ? [{ put: keys.sync, value: sync.value }] : []),
    ],
    failure: readAll(keys),
  };
}
