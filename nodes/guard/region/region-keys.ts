/** The region's keys in its etcd: reads them, and builds the transactions that change them. Pure. */

import type { View } from "../leader/leader-facts.js";
import { type Keys, logKeys, type Transaction } from "../leader/leader-keys.js";
import type { GuardConfig } from "../shared/config.js";
import type { RegionAction, RegionView, Role } from "./region-facts.js";
import { roleOf, withRole } from "./standby-cluster.js";

/** @param node this node; it leads only after its own heartbeat has begun the term: then no earlier leader serves */
export function regionViewOf(
  view: View,
  { node, leaderLease }: Pick<GuardConfig, "node" | "leaderLease">,
): RegionView {
  const { startedAt, endedAt, leader, heartbeat, region } = view;
  const beat = heartbeat?.beat;
  const begun =
    !leaderLease.enabled || (beat?.node === node && beat.state === "held" && beat.term === leader?.create);
  return {
    startedAt,
    endedAt,
    role: roleOf(region.config),
    configMod: region.configMod,
    epoch: region.epoch,
    epochMod: region.epochMod,
    extent: region.extent,
    opening: region.opening,
    nameOnlyMod: isNameOnly(view) ? view.initializeMod : undefined,
    term: leader?.value === node && begun ? leader.create : undefined,
  };
}

/** Patroni is stuck in this state: it needs a leader to copy from, and creates one only in a cluster without a name. */
function isNameOnly({ leader, initialize, members }: View): boolean {
  const there = Object.values(members);
  return !leader && Boolean(initialize) && there.length > 0 && there.every(({ value }) => isBare(value));
}

function isBare(member: string): boolean {
  try {
    return (JSON.parse(member) as { role?: unknown }).role === "uninitialized";
  } catch {
    return false;
  }
}

type Of<K extends RegionAction["kind"]> = Extract<RegionAction, { kind: K }>;

export const raiseEpoch = (keys: Keys, { epoch, expectMod }: Of<"raise-epoch">): Transaction => ({
  compare: [{ key: keys.epoch, mod: expectMod }],
  success: [{ put: keys.epoch, value: JSON.stringify(epoch) }],
  failure: [],
});

/** A node with data that returns meanwhile has either won the leader key, or joins the new cluster by a rewind. */
export const forgetCluster = (keys: Keys, { nameMod, expect }: Of<"forget-cluster">): Transaction => ({
  compare: [
    { key: keys.config, mod: expect.configMod },
    { key: keys.epoch, mod: expect.epochMod },
    { key: keys.leader, create: "0" },
    { key: keys.initialize, mod: nameMod },
  ],
  success: [{ delete: keys.initialize }],
  failure: [],
});

/**
 * The region takes over another region's log. The old log's position and synchronous nodes don't apply to it, but before
 * any node may lead Patroni requires both: votes of the old quorum (4.1 wants them in a standby cluster too), which nodes
 * that still replay don't give, and a position that the new log may not have reached. Those nodes can't replay without
 * the only slot, which belongs to the node that can't lead: they would wait for each other for ever.
 * A region that waits keeps both: its own log may still be the one that counts.
 */
const leavesOwnLog = (role: Role): boolean =>
  role.kind === "standby" && (role.source.kind === "region" || role.source.kind === "vault");

/**
 * Compares everything that the decision is based on: the configuration, the highest epoch that any guard of this region
 * has seen, and this node's leadership in that term.
 * @param config the configuration that the guard has read
 */
export function changeRole(
  keys: Keys,
  { role, expect, extent, opening }: Of<"change-role">,
  config: string,
  { node, region }: Pick<GuardConfig, "node" | "region">,
): Transaction {
  return {
    compare: [
      { key: keys.config, mod: expect.configMod },
      { key: keys.epoch, mod: expect.epochMod },
      ...(expect.term === undefined
        ? []
        : [
            { key: keys.leader, value: node },
            { key: keys.leader, create: expect.term },
          ]),
    ],
    success: [
      { put: keys.config, value: withRole(config, role, region.source) },
      ...(leavesOwnLog(role) ? logKeys(keys).map((key) => ({ delete: key })) : []),
      ...(extent ? [{ put: keys.extent, value: JSON.stringify(extent) }] : []),
      ...(opening ? [{ put: keys.opening, value: JSON.stringify(opening) }] : []),
    ],
    failure: [],
  };
}
