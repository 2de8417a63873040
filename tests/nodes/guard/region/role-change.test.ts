/** What a role change leaves in etcd about the region's own log: Patroni lets no node lead that doesn't match it. */
import { beforeEach, expect, test } from "vitest";
import { keysOf, readAll, viewOf } from "../../../../nodes/guard/leader/leader-keys.js";
import type { RegionAction, Role } from "../../../../nodes/guard/region/region-facts.js";
import { changeRole, regionViewOf } from "../../../../nodes/guard/region/region-keys.js";
import type { GuardConfig } from "../../../../nodes/guard/shared/config.js";
import { SimEtcd } from "../sim/etcd.js";

const keys = keysOf({ namespace: "/dr/", scope: "home" });
const guard = {
  node: "a",
  leaderLease: { enabled: false },
  region: {
    source: {
      addresses: ["10.1.0.1", "10.1.0.2"],
      port: 5432,
      slot: "standby_home",
      createReplicaMethods: ["basebackup"],
      vault: { restoreCommand: "get", createReplicaMethods: ["vault"] },
    },
  },
} as unknown as GuardConfig;
const OLD = '{"leader":"c","sync_standby":"a,b","quorum":1}';
const CONFIG = '{"ttl":20}';

let etcd: SimEtcd;
beforeEach(() => {
  etcd = new SimEtcd(() => 0);
  const values = { [keys.config]: CONFIG, [keys.epoch]: "2", [keys.leader]: "a" };
  const log = { [keys.sync]: OLD, [keys.status]: '{"optime":100}', [keys.optime]: "100" };
  for (const [put, value] of Object.entries({ ...values, ...log })) etcd.transact([], [{ put, value }], []);
});

function become(role: Role, changes: Partial<Extract<RegionAction, { kind: "change-role" }>["expect"]> = {}) {
  const view = viewOf(keys, etcd.transact([], readAll(keys), []).ranges, { startedAt: 0, endedAt: 0 });
  const { configMod, epochMod } = regionViewOf(view, guard);
  const expected = { configMod, epochMod, ...changes };
  const action = { kind: "change-role", role, expect: expected, notAfter: 0, reason: "" } as const;
  const { compare, success, failure } = changeRole(keys, action, CONFIG, guard);
  return etcd.transact(compare, success, failure).succeeded;
}
const left = () => [keys.sync, keys.status, keys.optime].filter((key) => etcd.get(key) !== undefined);

test.each<[string, Role]>([
  ["follows the other region", { kind: "standby", source: { kind: "region" } }],
  ["fetches from its vault", { kind: "standby", source: { kind: "vault" } }],
])("who %s forgets its own log, with the change", (_, role) => {
  expect(become(role)).toBe(true);
  expect(left()).toEqual([]);
});

test.each<[string, Role]>([
  ["waits after its demotion", { kind: "standby", source: { kind: "nobody" } }],
  [
    "fetches the rest from the demoted node",
    { kind: "standby", source: { kind: "node", address: "10.1.0.1" } },
  ],
  ["is promoted", { kind: "primary" }],
])("who %s keeps them: acknowledged writes are behind them", (_, role) => {
  expect(become(role)).toBe(true);
  expect(left()).toHaveLength(3);
});

test("nothing is forgotten where the change is refused", () => {
  expect(become({ kind: "standby", source: { kind: "region" } }, { epochMod: "99" })).toBe(false);
  expect(left()).toHaveLength(3);
});
