/** The planned switchover: what it does in which order, what it does when a step fails, and wrong ones. */
import { afterEach, describe, expect, test } from "vitest";
import type { Guard } from "../../../../nodes/guard/leader/guard.js";
import type { Transaction } from "../../../../nodes/guard/leader/leader-keys.js";
import type { Patroni } from "../../../../nodes/guard/leader/patroni.js";
import { switchover } from "../../../../nodes/guard/leader/switchover.js";
import type { Psql } from "../../../../nodes/guard/shared/postgres.js";
import { until } from "../fakes/until.js";
import { keys, Site, type Step } from "./site.js";

const patroni = { isAlive: async () => true } as unknown as Patroni;
const sites: Site[] = [];
afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.stop()));
});

async function serving(): Promise<Site> {
  const site = await Site.serving();
  sites.push(site);
  return site;
}
const move = (site: Site, guard = site.guard, psql = () => site.psql()) =>
  switchover(guard, patroni, "b", psql);
const at = (wanted: Step, run: () => void) => {
  let done = false;
  return (step: Step) => {
    if (step !== wanted || done) return;
    done = true;
    run();
  };
};
const fail = () => {
  throw new Error("made to fail");
};
const beat = (node: string) => JSON.stringify({ node, state: "held", term: "9", timeline: 2, system: "1" });

/** That clients are served again, by renewals that etcd accepts. */
async function expectReopened(site: Site): Promise<void> {
  await until(() => site.isOpen && site.guard.isActive);
  expect(site.leader).toBe("a");
  expect(site.guard.state.handover).toBe(false);
  expect(site.violations).toEqual([]);
}

describe("a planned switchover", () => {
  test("closes the port, then reads the position, then waits until the candidate has it, then hands over", async () => {
    const site = await serving();
    expect(await move(site)).toMatchObject({ from: "a", to: "b" });
    const order = [
      "checkpoint",
      "close",
      "closed",
      "position",
      "flushed?",
      "flushed?",
      "handover",
      "handed over",
    ];
    expect(site.steps.filter((step) => order.includes(step))).toEqual(order);
    // No renewal is accepted any more; the old leader's loop has had time to try.
    await until(() => site.guard.state.view?.leader?.value === "b");
    for (let i = 0; i < 20; i++) {
      site.write();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(site.violations).toEqual([]);
    expect(site.isOpen).toBe(false);
    expect(JSON.parse(site.etcd.get(keys.heartbeat)?.value ?? "{}")).toMatchObject({
      node: "a",
      state: "closed",
    });
    expect(site.etcd.get(keys.leader)?.lease).toBe(site.sessions.b);
  });

  test("has no renewal under way when the port closes, even a slow one", async () => {
    for (let delay = 0; delay < 40; delay += 8) {
      const site = await serving();
      await new Promise((resolve) => setTimeout(resolve, delay));
      await move(site);
      const closed = site.steps.indexOf("closed");
      expect(site.steps.slice(closed)).not.toContain("open");
      expect(site.violations).toEqual([]);
    }
  });

  test("goes on if Patroni rewrites the candidate's key meanwhile", async () => {
    const site = await serving();
    site.hook = at("handover", () => site.put(keys.member("b"), '{"rewritten":1}', site.sessions.b));
    await move(site);
    expect(site.leader).toBe("b");
  });

  test("counts as done if only etcd's answer was lost", async () => {
    const site = await serving();
    site.hook = at("handed over", fail);
    expect(await move(site)).toMatchObject({ to: "b" });
    expect(site.violations).toEqual([]);
  });
});

describe("the port opens again", () => {
  test.each<[string, Step, (site: Site) => void, RegExp]>([
    ["when the kernel doesn't confirm that it is closed", "close", fail, /made to fail/],
    ["when the position can't be read", "position", fail, /made to fail/],
    ["when the query for the candidate's flushed position fails", "flushed?", fail, /made to fail/],
    ["when etcd doesn't take the order", "handover", fail, /made to fail/],
    ["when the sync key has changed", "handover", (site) => site.put(keys.sync, "{}"), /keys changed/],
    [
      "when the candidate's Patroni has begun another session",
      "handover",
      (site) => site.put(keys.member("b"), "{}", site.etcd.grant(20_000)),
      /keys changed/,
    ],
    [
      "when the candidate's Patroni has gone",
      "handover",
      (site) => site.etcd.revoke(site.sessions.b),
      /keys changed/,
    ],
  ])("%s", async (_name, step, run, message) => {
    const site = await serving();
    site.hook = at(step, () => run(site));
    await expect(move(site)).rejects.toThrow(message);
    await expectReopened(site);
  });

  test("when the candidate doesn't catch up in time", async () => {
    const site = await serving();
    const stuck = () => {
      const psql = site.psql();
      const query = (sql: string) =>
        sql.includes("application_name = 'b'") ? Promise.resolve([["1000"]]) : psql.query(sql);
      return { ...psql, query } as unknown as Psql;
    };
    await expect(move(site, site.guard, stuck)).rejects.toThrow("has not flushed all");
    await expectReopened(site);
  });

  test("and never closed for a candidate that won't do", async () => {
    const site = await serving();
    site.put(keys.sync, '{"leader":"a","sync_standby":"c"}');
    await expect(move(site)).rejects.toThrow("b is not synchronous");
    expect(site.steps).not.toContain("close");
  });
});

describe("a leader that was robbed meanwhile", () => {
  const rob = (site: Site) => {
    site.put(keys.heartbeat, beat("c"));
    site.etcd.transact([], [{ delete: keys.leader }], []);
    site.put(keys.leader, "c", site.sessions.c);
  };

  test.each<Step>(["close", "position", "flushed?", "handover"])(
    "at '%s' hands over no other node's key",
    async (step) => {
      const site = await serving();
      site.hook = at(step, () => rob(site));
      await expect(move(site)).rejects.toThrow(/lost the lead|keys changed/);
      await until(() => site.guard.state.view?.leader?.value === "c");
      expect(site.leader).toBe("c");
      expect(site.isOpen).toBe(false);
    },
  );
});

/** The guard with some of its ways replaced. */
const wrong = (guard: Guard, ways: Partial<Guard>): Guard =>
  new Proxy(guard, {
    get(target, name) {
      const own = (ways as Record<string | symbol, unknown>)[name] ?? Reflect.get(target, name, target);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
const hands = ({ success }: Transaction) => success.some((one) => "put" in one && one.put === keys.leader);

describe("a wrong switchover is noticed that", () => {
  test("reads the position before the port is closed", async () => {
    const site = await serving();
    const guard = wrong(site.guard, {
      suspend: async () => site.guard.feed({ kind: "handover", active: true }),
      transact: async (transaction) => {
        if (hands(transaction)) await site.guard.suspend();
        return site.guard.transact(transaction);
      },
    });
    await move(site, guard).catch(() => {});
    expect(site.violations).toEqual(["the new leader lacks what was acknowledged"]);
  });

  test("leaves the port open", async () => {
    const site = await serving();
    const suspend = async () => site.guard.feed({ kind: "handover", active: true });
    await move(site, wrong(site.guard, { suspend })).catch(() => {});
    expect(site.violations).toContain("the key is handed over while the port is open");
  });

  test("doesn't wait until the candidate has flushed all", async () => {
    const site = await serving();
    const hasty = () => {
      const psql = site.psql();
      const query = (sql: string) =>
        sql.includes("application_name = 'b'") ? Promise.resolve([["9e18"]]) : psql.query(sql);
      return { ...psql, query } as unknown as Psql;
    };
    await move(site, site.guard, hasty).catch(() => {});
    expect(site.violations).toEqual(["the new leader lacks what was acknowledged"]);
  });

  const comparing = (site: Site, compare: (one: Transaction["compare"][number]) => Transaction["compare"]) =>
    wrong(site.guard, {
      transact: (transaction) =>
        site.guard.transact({ ...transaction, compare: transaction.compare.flatMap(compare) }),
    });

  test("compares the revision of the candidate's key", async () => {
    const site = await serving();
    const mod = String(site.etcd.get(keys.member("b"))?.mod);
    const guard = comparing(site, (one) => ["lease" in one ? { key: one.key, mod } : one].flat());
    site.hook = at("handover", () => site.put(keys.member("b"), '{"rewritten":1}', site.sessions.b));
    await expect(move(site, guard)).rejects.toThrow("keys changed");
  });

  test("doesn't compare the candidate's session", async () => {
    const site = await serving();
    const guard = comparing(site, (one) => ("lease" in one ? [] : [one]));
    site.hook = at("handover", () => site.put(keys.member("b"), "{}", site.etcd.grant(20_000)));
    // A key on a session that no node keeps alive.
    await move(site, guard);
    expect(site.etcd.get(keys.leader)?.lease).not.toBe(site.etcd.get(keys.member("b"))?.lease);
  });
});
