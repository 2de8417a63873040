/** A standby region none of whose nodes has any data left: no rewind succeeded, or all volumes are new. */
import { beforeEach, describe, expect, test } from "vitest";
import type { View } from "../../../../nodes/guard/leader/leader-facts.js";
import { keysOf, readAll, viewOf } from "../../../../nodes/guard/leader/leader-keys.js";
import type { RegionConfig } from "../../../../nodes/guard/region/known.js";
import { decideRegion } from "../../../../nodes/guard/region/region-decision.js";
import {
  initialRegionState,
  NO_OVERRIDES,
  NO_STATUS,
  type Reading,
  type RegionAction,
  type RegionState,
} from "../../../../nodes/guard/region/region-facts.js";
import { forgetCluster, regionViewOf } from "../../../../nodes/guard/region/region-keys.js";
import type { GuardConfig } from "../../../../nodes/guard/shared/config.js";
import { SimEtcd } from "../sim/etcd.js";
import { RULES } from "./sim/regions.js";

const CONFIG: RegionConfig = { node: "a", address: "10.0.0.1", rules: RULES, startsAsStandby: false };
const keys = keysOf({ namespace: "/dr/", scope: "home" });
const guard = { node: "a", leaderLease: { enabled: true } } as unknown as GuardConfig;
const FOLLOWING = { standby_cluster: { host: "10.1.0.1,10.1.0.2", port: 5432 } };

let etcd: SimEtcd;
const put = (key: string, value: unknown) =>
  etcd.transact([], [{ put: key, value: typeof value === "string" ? value : JSON.stringify(value) }], []);
const member = (node: string, role: string) => put(keys.member(node), { state: "stopped", role });
beforeEach(() => {
  etcd = new SimEtcd(() => 0);
  put(keys.initialize, "7000000000000000001");
  put(keys.config, FOLLOWING);
  put(keys.epoch, "2");
  for (const node of ["a", "b", "c"]) member(node, "uninitialized");
});

const view = (at: number): View =>
  viewOf(keys, etcd.transact([], readAll(keys), []).ranges, { startedAt: at, endedAt: at });
const nameOnly = () => regionViewOf(view(0), guard).nameOnlyMod !== undefined;

describe("only the name of the cluster is left", () => {
  test("when no node leads and no node has data", () => expect(nameOnly()).toBe(true));

  test.each<[string, () => void]>([
    ["somebody leads", () => put(keys.leader, "b")],
    ["one has data", () => member("c", "replica")],
    ["one says nothing that is understood", () => put(keys.member("c"), "?")],
    ["a first node is making it", () => put(keys.initialize, "")],
    ["it has none", () => etcd.transact([], [{ delete: keys.initialize }], [])],
    [
      "no node has spoken yet",
      () => {
        for (const node of ["a", "b", "c"]) etcd.transact([], [{ delete: keys.member(node) }], []);
      },
    ],
  ])("not where %s", (_, change) => {
    change();
    expect(nameOnly()).toBe(false);
  });
});

describe("the guard", () => {
  let state: RegionState;
  let peerOpened: number;
  beforeEach(() => {
    state = initialRegionState();
    peerOpened = 2;
  });
  const reading = (at: number, own: number, peer: number): Reading => ({
    startedAt: at,
    endedAt: at,
    own,
    peer,
    mine: { ...NO_STATUS, opened: 1 },
    theirs: { ...NO_STATUS, sequence: 1, opened: peerOpened },
    overrides: NO_OVERRIDES,
  });
  function look(at: number, own = 1, peer = 2): RegionAction[] {
    const step = (event: Parameters<typeof decideRegion>[2]) => {
      const result = decideRegion(CONFIG, state, event, at);
      state = result.state;
      return result.actions;
    };
    step({ kind: "reading", reading: reading(at, own, peer) });
    return step({ kind: "view", view: regionViewOf(view(at), guard) }).filter(
      ({ kind }) => kind === "forget-cluster",
    );
  }
  const carryOut = ([action]: RegionAction[]) => {
    if (action?.kind !== "forget-cluster") throw new Error("nothing is to be forgotten");
    const { compare, success } = forgetCluster(keys, action);
    return etcd.transact(compare, success, []).succeeded;
  };

  test("has it recreated once that has been so for ten seconds", () => {
    expect(look(0)).toEqual([]);
    expect(look(9_900)).toEqual([]);
    expect(carryOut(look(10_000))).toBe(true);
    expect(etcd.get(keys.initialize)).toBeUndefined();
    expect(look(10_100)).toEqual([]);
  });

  test("counts again when a node had data in between", () => {
    look(0);
    member("b", "replica");
    look(5_000);
    member("b", "uninitialized");
    look(6_000);
    expect(look(15_900)).toEqual([]);
    expect(look(16_000)).toHaveLength(1);
  });

  test("leaves it when there is no node to copy from", () => {
    put(keys.config, { standby_cluster: { restore_command: "/bin/false" } });
    look(0);
    expect(look(20_000)).toEqual([]);
  });

  test("leaves it while the other region has not opened", () => {
    peerOpened = 0;
    look(0);
    expect(look(20_000)).toEqual([]);
  });

  test("leaves it where this region is to be active", () => {
    put(keys.epoch, "3");
    look(0, 3, 2);
    expect(look(20_000, 3, 2)).toEqual([]);
  });

  test.each<[string, () => void]>([
    ["somebody has won the lead", () => put(keys.leader, "b")],
    ["the region's role has changed", () => put(keys.config, {})],
    ["a newer epoch was seen", () => put(keys.epoch, "3")],
    ["it has another name", () => put(keys.initialize, "7000000000000000002")],
  ])("does nothing when %s meanwhile", (_, change) => {
    look(0);
    const decided = look(10_000);
    change();
    expect(carryOut(decided)).toBe(false);
    expect(etcd.get(keys.initialize)).toBeDefined();
  });
});
