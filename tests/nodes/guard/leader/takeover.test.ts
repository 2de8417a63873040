import { describe, expect, test } from "vitest";
import { decide } from "../../../../nodes/guard/leader/leader-decision.js";
import {
  type Action,
  type Beat,
  initialState,
  type State,
  type View,
} from "../../../../nodes/guard/leader/leader-facts.js";
import { handover, keysOf, type Transaction, takeover } from "../../../../nodes/guard/leader/leader-keys.js";
import { SimEtcd } from "../sim/etcd.js";
import { beat, config, key as keyOf, view } from "./situation.js";

const b = config({ node: "b" });
const keys = keysOf({ namespace: "/s/", scope: "x" });
const key = (value: string, lease = "0") => keyOf(value, { lease });
const held = beat();
const seen = (at: number, changes: Partial<View> = {}): View =>
  view({
    startedAt: at - 2,
    endedAt: at,
    leader: key("a", "77"),
    sync: key('{"leader":"a"}'),
    members: { a: key("{}", "77"), b: key("{}", "88") },
    ...changes,
  });

/** The actions until then, while the heartbeat doesn't change. */
function watch(
  until: number,
  probed: boolean,
  changes: Partial<View> = {},
): { state: State; actions: Action[] } {
  let state = initialState(0);
  const actions: Action[] = [];
  const feed = (event: Parameters<typeof decide>[2], now: number) => {
    const step = decide(b, state, event, now);
    state = step.state;
    actions.push(...step.actions);
    for (const action of step.actions) {
      if (action.kind === "probe") feed({ kind: "probed", node: action.node, alive: probed }, now + 1);
    }
  };
  for (let now = 100; now <= until; now += 100) feed({ kind: "view", view: seen(now, changes) }, now);
  return { state, actions };
}
const takeovers = (actions: readonly Action[]) => actions.filter(({ kind }) => kind === "take-over");

describe("a heartbeat that doesn't change", () => {
  test("is waited for longer than the lease, on a clock that may run 1 % apart", () => {
    expect(takeovers(watch(100 + 2200, false).actions)).toEqual([]);
    expect(takeovers(watch(100 + 2300, false).actions)).toHaveLength(1);
  });

  test("makes the old leader's Patroni unreachable for the candidates before the waiting is over", () => {
    const mutes = watch(2200, false).actions.filter(({ kind }) => kind === "mute");
    expect(mutes).toContainEqual({ kind: "mute", nodes: ["a"] });
  });

  test("leaves a marker in the leader key if the old leader's Patroni is alive", () => {
    expect(takeovers(watch(2400, true).actions)).toMatchObject([{ mark: true }]);
    expect(takeovers(watch(2400, false).actions)).toMatchObject([{ mark: false }]);
  });

  test("is no reason to rob a node that follows Patroni's key alone", () => {
    const off = { heartbeat: { beat: { ...held, state: "off" as const }, mod: "9" } };
    expect(takeovers(watch(9000, false, off).actions)).toEqual([]);
  });
});

describe("after a takeover", () => {
  const taken: Beat = { ...held, state: "taken", session: "77" };
  const after = seen(100, { leader: undefined, heartbeat: { beat: taken, mod: "10" } });

  test("every guard that sees it revokes the old leader's session until that has worked", () => {
    let { state } = decide(b, initialState(0), { kind: "view", view: after }, 100);
    const revokes = () =>
      decide(b, state, { kind: "tick" }, 200).actions.filter(({ kind }) => kind === "revoke");
    expect(revokes()).toEqual([{ kind: "revoke", session: "77" }]);
    expect(revokes()).toHaveLength(1);
    state = decide(b, state, { kind: "revoked", session: "77" }, 300).state;
    expect(revokes()).toEqual([]);
  });

  test("a primary without what clients were acknowledged does not begin a term", () => {
    const won = seen(200, {
      leader: { ...key("b", "88"), create: "20" },
      heartbeat: { beat: taken, mod: "10" },
    });
    const renewals = (timeline: number, ancestors?: number[]) => {
      const local = { startedAt: 190, role: "primary" as const, timeline, ancestors, holdsLock: true };
      const { state } = decide(b, initialState(0), { kind: "local", local }, 195);
      return decide(b, state, { kind: "view", view: won }, 200).actions.filter(
        ({ kind }) => kind === "renew",
      );
    };
    // Older than what they were served on.
    expect(renewals(2, [1])).toEqual([]);
    // As new, but another node's: two promotions took the same number.
    expect(renewals(3, [1, 2])).toEqual([]);
    // Newer, but promoted beside it.
    expect(renewals(4, [1, 2])).toEqual([]);
    expect(renewals(4)).toEqual([]);
    expect(renewals(4, [1, 2, 3])).toHaveLength(1);
  });
});

describe("the transactions", () => {
  const populated = () => {
    const etcd = new SimEtcd(() => 0);
    const session = etcd.grant(20_000);
    etcd.transact(
      [],
      [
        { put: keys.sync, value: "{}" },
        { put: keys.heartbeat, value: JSON.stringify(held) },
      ],
      [],
    );
    etcd.transact(
      [],
      [
        { put: keys.leader, value: "a" },
        { put: keys.member("b"), value: "{}", lease: session },
      ],
      [],
    );
    const read = (name: string) => {
      const { value = "", create = 0, mod = 0, lease = "0" } = etcd.get(name) ?? {};
      return { value, create: String(create), mod: String(mod), lease };
    };
    return { etcd, session, read };
  };

  /** Whether an old leader that knows the sync key from before can drop to asynchronous after the takeover. */
  const dropsAfter = (change: (transaction: Transaction) => Transaction) => {
    const { etcd, read } = populated();
    const known = read(keys.sync).mod;
    const { compare, success } = change(
      takeover(keys, {
        kind: "take-over",
        expect: {
          leader: read(keys.leader),
          heartbeatMod: read(keys.heartbeat).mod,
          sync: read(keys.sync),
        },
        beat: { ...held, state: "taken" },
        mark: false,
        waitedMillis: 2300,
      }),
    );
    expect(etcd.transact(compare, success, []).succeeded).toBe(true);
    expect(etcd.get(keys.leader)).toBeUndefined();
    return etcd.transact([{ key: keys.sync, mod: known }], [{ put: keys.sync, value: "alone" }], [])
      .succeeded;
  };

  test("a takeover spoils the compare of an old leader that stalled before dropping to asynchronous", () => {
    expect(dropsAfter((transaction) => transaction)).toBe(false);
    // The mutant: doesn't rewrite the sync key.
    const leaves = ({ success, ...rest }: Transaction) => ({
      ...rest,
      success: success.filter((one) => !("put" in one && one.put === keys.sync)),
    });
    expect(dropsAfter(leaves)).toBe(true);
  });

  test("a handover survives that Patroni rewrites the candidate's key, but not a new session", () => {
    const outcome = (change: (etcd: SimEtcd, session: string) => void) => {
      const { etcd, session, read } = populated();
      const current = seen(0, { leader: read(keys.leader), sync: read(keys.sync) });
      const mod = read(keys.heartbeat).mod;
      const transaction = handover(
        keys,
        { ...current, heartbeat: { beat: held, mod } },
        { name: "b", session },
      );
      change(etcd, session);
      return etcd.transact(transaction.compare, transaction.success, []).succeeded;
    };
    const rewrite = (etcd: SimEtcd, lease: string) =>
      void etcd.transact([], [{ put: keys.member("b"), value: "{}", lease }], []);
    expect(outcome(rewrite)).toBe(true);
    expect(outcome((etcd) => rewrite(etcd, etcd.grant(20_000)))).toBe(false);
  });
});
