/** A guided restore from end to end, with machines that are made up. */
import { describe, expect, test } from "vitest";
import type { Answer } from "../../operations/promotion/confirm.js";
import type { Output, Remote, RestoreMachines } from "../../operations/restore/machines.js";
import { expectedSeconds, logBytes } from "../../operations/restore/report.js";
import { type RestoreRequest, requireTable, requireTime } from "../../operations/restore/request.js";
import { runRestore } from "../../operations/restore/run.js";
import { planText } from "../../operations/restore/texts.js";
import { spoken } from "../support/acts.js";
import { CONTRACT, SETTINGS } from "./observations.js";

const PLAN = {
  code: 0,
  error: null,
  stanza: "drs-eu-west-1",
  backup: "20260301-110000F",
  backupEnd: "2026-03-01T11:00:05Z",
  timelines: { 1: "drs-eu-west-1" },
  bytes: 300 * 1024 ** 2,
  firstSegment: "000000010000000000000005",
  lastSegment: "000000010000000000000007",
  notes: ["a note"],
  lastTest: {
    begin: "2026-03-01T03:00:00Z",
    restoreBytesPerSecond: 100 * 1024 ** 2,
    walBytesPerSecond: 16 * 1024 ** 2,
  },
};
const RESTORED = {
  ...PLAN,
  lastCommit: "2026-03-01T11:58:59Z",
  walSegments: 2,
  seconds: { restore: 3, replay: 2 },
};

class World {
  readonly scripts: string[] = [];
  readonly said: string[] = [];
  readonly asked: string[] = [];
  readonly ended: string[] = [];
  answers: Answer[] = ["yes", "yes"];
  plan: object = PLAN;
  restored: object = RESTORED;
  leads = true;
  nodes = 1;
  /** Tables of the cluster that serves. */
  live = new Set<string>();
  liveRows = 42;
  tables: object = [
    { table: "public.orders", bytes: 8192, rows: 42 },
    { table: "big.table", bytes: 2 * 1024 ** 3, rows: null },
  ];
  check: object = { answer: "7" };
  private polls = 0;

  readonly machines: RestoreMachines = {
    nodes: async () => Array.from({ length: this.nodes }, (_, i) => this.remote(`node-${i + 1}`)),
    members: async () => [],
    call: async () => this.remote("restore"),
    end: async (region) => void this.ended.push(region),
    close() {},
  };

  run(request: Partial<RestoreRequest> = {}) {
    return runRestore(
      {
        machines: this.machines,
        settings: {
          restoreTest: {
            ...SETTINGS.restoreTest,
            checks: [{ name: "sum", database: "app", sql: "SELECT 7", expect: "7" }],
          },
        },
        contract: CONTRACT,
        confirm: async (question) => {
          this.asked.push(question);
          return this.answers.shift() ?? "none";
        },
        say: (text) => void this.said.push(text),
        sleep: async () => {},
        date: () => new Date("2026-03-01T12:00:00Z"),
      },
      { to: "2026-03-01T11:59:00Z", region: "home", database: "app", tables: [], ...request },
    );
  }

  get text(): string {
    return this.said.join("\n").replaceAll(/\s+/g, " ");
  }

  private remote(name: string): Remote {
    return { name, run: async (what) => this.answer(name, spoken(what)) };
  }

  private answer(name: string, script: string): Output {
    this.scripts.push(`${name}: ${script}`);
    const on = (stdout: string, exitCode = 0) => ({ exitCode, stdout, stderr: "" });
    if (script.includes("guard.cjs")) return on(JSON.stringify({ active: this.leads }));
    if (script.includes("--plan")) return on(JSON.stringify(this.plan));
    if (script.includes("tail -n"))
      return on(this.polls++ === 0 ? "11:00:00 one\n" : "11:00:01 two\n-- ended --\n");
    if (script.includes("cat /var/lib/dr/restored.json")) return on(JSON.stringify(this.restored));
    const [, question, rest = ""] = /dr-inspect \S+ \d+ 'app' '(\w+)' (.*)$/s.exec(script) ?? [];
    if (question === "tables") return on(JSON.stringify(this.tables));
    if (question === "check") return on(JSON.stringify(this.check));
    if (question === "exist") {
      const asked = [...rest.matchAll(/'([^']+)'/g)].map(([, table = ""]) => table);
      return on(JSON.stringify(asked.filter((table) => name === "restore" || this.live.has(table))));
    }
    if (question === "rows") return on(`${name === "restore" ? 42 : this.liveRows}\n`);
    return on("");
  }
}

describe("a restore that brings a table back", () => {
  const tables = ["public.orders"];

  test("asks twice, carries the table through the vault to where it stood, and ends its machine", async () => {
    const world = new World();
    const { outcome, carried } = await world.run({ tables });
    expect(outcome.result).toBe("carried");
    expect(carried).toEqual([{ table: "public.orders", as: "public.orders", rows: 42 }]);
    expect(world.asked).toHaveLength(2);
    const address = `s3://${CONTRACT.home.vaultBucket}/eu-west-1/restore-tests/tables/20260301t120000.dump.enc`;
    expect(world.scripts.find((each) => each.includes("tables out"))).toContain(
      "restore: dr-carry-tables out",
    );
    expect(world.scripts.find((each) => each.includes("tables out"))).toContain(
      `'${address}' '-' 'public.orders'`,
    );
    expect(world.scripts.find((each) => each.includes("tables in"))).toContain("node-1: ");
    expect(world.ended).toEqual(["home"]);
    expect(world.text).toContain("11:00:00 one");
    expect(world.text).toContain("11:00:01 two");
  });

  test("puts it beside one of that name", async () => {
    const world = new World();
    world.live.add("public.orders");
    const { carried } = await world.run({ tables });
    expect(carried?.[0]?.as).toBe("restored_20260301t120000.orders");
    expect(world.asked[1]).toContain("as restored_20260301t120000");
  });

  test("doesn't start without a node that takes writes", async () => {
    const world = new World();
    world.leads = false;
    await expect(world.run({ tables })).rejects.toThrow("no node of home takes writes");
    expect(world.asked).toEqual([]);
  });

  test("fails when other rows arrive than were restored", async () => {
    const world = new World();
    world.liveRows = 41;
    await expect(world.run({ tables })).rejects.toThrow("41 rows, but the restored table has 42");
    expect(world.ended).toEqual([]);
  });

  test("brings nothing back when the second answer is no, and leaves the restored cluster to be looked at", async () => {
    const world = new World();
    world.answers = ["yes", "no"];
    const { outcome } = await world.run({ tables });
    expect(outcome.result).toBe("declined");
    expect(world.scripts.some((each) => each.includes("dr-carry-tables"))).toBe(false);
    expect(world.ended).toEqual([]);
  });
});

describe("a restore to look at", () => {
  test("shows backup, log, timelines, time, rows and checks", async () => {
    const world = new World();
    const { outcome } = await world.run();
    expect(outcome.result).toBe("restored");
    for (const words of [
      "20260301-110000F of drs-eu-west-1",
      "timelines 1 (drs-eu-west-1)",
      "at most about 6 s",
      "a note",
      "public.orders: 42 rows",
      "big.table: not counted",
      "sum: 7",
      "2026-03-01T11:58:59Z",
    ])
      expect(world.text).toContain(words);
  });

  test("is declined before anything is called", async () => {
    const world = new World();
    world.answers = ["no"];
    const { outcome } = await world.run();
    expect(outcome.result).toBe("declined");
    expect(world.scripts.every((each) => each.startsWith("node-1"))).toBe(true);
  });

  test("asks the restore machine where no node runs, and ends it when declined", async () => {
    const world = new World();
    world.nodes = 0;
    world.answers = ["no"];
    await world.run({ region: "recovery" });
    expect(world.scripts[0]).toContain("restore: ");
    expect(world.ended).toEqual(["recovery"]);
  });

  test("refuses what can't be restored, in dr-restore's words", async () => {
    const world = new World();
    world.plan = { code: 3, error: "there is no backup" };
    await expect(world.run()).rejects.toMatchObject({
      message: expect.stringContaining("there is no backup"),
    });
  });

  test("says why dr-restore failed", async () => {
    const world = new World();
    world.restored = { ...RESTORED, code: 4, error: "the log ends before" };
    const { outcome } = await world.run();
    expect(outcome).toMatchObject({
      result: "failed",
      reason: expect.stringContaining("the log ends before"),
    });
  });
});

describe("what it goes by", () => {
  test("log from the backup's segment to the newest, across timelines", () => {
    expect(
      logBytes({
        ...PLAN,
        firstSegment: "0000000100000000000000FE",
        lastSegment: "000000020000000100000001",
      }),
    ).toBe(4 * 16 * 1024 ** 2);
  });
  test("no guess without a restore test", () => {
    expect(expectedSeconds({ ...PLAN, lastTest: null })).toBeUndefined();
    expect(expectedSeconds(PLAN)).toBe(6);
  });
  test.each(["2026-03-01T11:59:00", "yesterday", "2026-13-01T11:59:00Z"])("%s is no moment", (text) => {
    expect(() => requireTime("--to", text)).toThrow("--to");
  });
  test("times and tables are taken as they are meant", () => {
    expect(requireTime("--to", "2026-03-01 11:59:00+01:00")).toBe("2026-03-01T11:59:00+01:00");
    expect(requireTable("orders")).toBe("public.orders");
    expect(requireTable("shop.orders")).toBe("shop.orders");
    expect(() => requireTable('x"; DROP TABLE y')).toThrow("--table");
  });
});

test("the plan of a whole cluster's restore says that it can go back", async () => {
  const text = planText(
    PLAN,
    { to: "2026-03-01T11:59:00Z", region: "home", database: "app", tables: [], all: true },
    { machine: "restore" },
  ).replaceAll(/\s+/g, " ");
  expect(text).toContain("all of home can go back");
  expect(text).not.toContain("nothing is brought back");
});
