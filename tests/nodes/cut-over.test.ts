/** What dr-cut-over does with a node's folders, with no Patroni and no PostgreSQL: each step, again, and back. */
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cutOver } from "../../nodes/bin/verbs/cut-over.js";
import { type CutOverNode, THIS_NODE } from "../../nodes/bin/verbs/cut-over-node.js";
import { CutOver } from "../../nodes/bin/verbs/cut-over-steps.js";
import { locked } from "../../nodes/bin/verbs/lock.js";
import { serverState } from "../../nodes/bin/verbs/postmaster.js";
import { type Ask, carryPasswords, markLog } from "../../nodes/bin/verbs/restored-log.js";
import { CUT_OVER_FILE, DATABASE_FOLDER } from "../../nodes/layout.js";

const STAMP = "20260301T120000Z";
let dir: string;
let state: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cut-over-"));
  state = "shut down";
  mkdirSync(`${dir}/data`);
  writeFileSync(`${dir}/data/which`, "old");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Said {
  readonly said: string;
  readonly called: readonly string[];
  /** What is in data, data.restored, the data set aside, and whether the node is kept from starting. */
  readonly stands: readonly [string | null, string | null, string | null, boolean];
}

/** Gives each order to the same node; what it needs of the machine is made up. `etcd` says what is there from then on. */
async function run(...orders: readonly (readonly string[])[]): Promise<Said[]> {
  let called: string[] = [];
  let etcd = "";
  let checkpoint = "";
  let startsBadly = false;
  let clock = 0;
  const isClosed = () => existsSync(`${dir}/cut-over.json`);
  const node: CutOverNode = {
    async systemctl(...words) {
      called.push(words.join(" "));
      const fails = words[0] === "start" && startsBadly;
      return { code: fails ? 1 : 0, stdout: "inactive\n", stderr: fails ? "Job failed.\n" : "" };
    },
    control: async (_, name) => CONTROL(state)[name] as string,
    async ask(_, statements) {
      called.push(`${statements} ${isClosed() ? "closed" : "open"}`);
      if (checkpoint === "fails") throw new Error("psql failed with exit code 2");
      if (checkpoint === "lasts") clock += 10_000;
      return "";
    },
    async order(order) {
      called.push(order.kind === "look" ? "log-state" : `${order.kind}-log ${order.stamp}`);
      if (order.kind === "look") return { result: "seen", epoch: 5, cutOver: etcd };
      return etcd === order.stamp
        ? { result: "refused", epoch: 5, reason: "it has gone on" }
        : { result: "kept", epoch: 5 };
    },
    /** A dr-restore that leaves what it had. */
    restore() {
      mkdirSync(`${dir}/data.restored/base`, { recursive: true });
      return { process: 1, ended: Promise.resolve(137) };
    },
    own: async () => {},
    touch: async (paths) => {
      for (const path of paths) writeFileSync(path, "");
    },
    now: () => clock,
    unitLimits: `${dir}/limits`,
  };
  const which = (name: string) =>
    existsSync(`${dir}/${name}/which`) ? readFileSync(`${dir}/${name}/which`, "utf8") : null;
  const results: Said[] = [];
  for (const words of orders) {
    const [first = "", second = ""] = words;
    const said: string[] = [];
    called = [];
    const place = {
      cutOver: new CutOver(dir, node),
      lock: `${dir}/lock`,
      say: (line: string) => said.push(line),
    };
    try {
      if (first === "etcd") etcd = second;
      else if (first === "checkpoint") checkpoint = second;
      else if (first === "start") startsBadly = second === "fails";
      else if (first === "hand") await place.cutOver.handToArchiver(4);
      else await cutOver(words, place);
    } catch (error) {
      said.push(`refused: ${(error as Error).message}`);
    }
    results.push({
      said: said.join("\n"),
      called,
      stands: [which("data"), which("data.restored"), which(`data.before-${STAMP}`), isClosed()],
    });
  }
  return results;
}

const CONTROL = (state: string): Readonly<Record<string, string>> => ({
  "Database cluster state": state,
  "Latest checkpoint's TimeLineID": "3",
  "Latest checkpoint's REDO WAL file": "000000040000000000000005",
});

const last = async (said: Promise<readonly Said[]>): Promise<Said> => (await said).at(-1) as Said;
const CLOSE = ["close", STAMP];
const ASIDE = ["aside", STAMP];
const BACK = ["back", STAMP];
const OPEN = ["open", STAMP];

const prepared = () => {
  mkdirSync(`${dir}/data.restored`);
  writeFileSync(`${dir}/data.restored/which`, "restored");
  writeFileSync(`${dir}/cut-over-prepared.json`, JSON.stringify({ stamp: STAMP, state: "ready", epoch: 5 }));
};

test("the mark is the file for which Patroni's unit looks", async () => {
  await run(CLOSE);
  const [mark] = readdirSync(dir).filter((name) => name.endsWith(".json"));
  expect(`${DATABASE_FOLDER}/${mark}`).toBe(CUT_OVER_FILE);
});

describe("step by step", () => {
  test("closed, set aside and opened; each again does no harm", async () => {
    prepared();
    const [close, again, aside, more, early, , open, twice] = await run(
      ...[CLOSE, CLOSE, ASIDE, ASIDE, OPEN, ["etcd", STAMP], OPEN, OPEN],
    );
    for (const each of [close, again])
      expect(each).toMatchObject({ said: "3", stands: ["old", "restored", null, true] });
    expect(close?.called).toContain("stop patroni.service");
    for (const each of [aside, more]) expect(each?.stands).toEqual(["restored", null, "old", true]);
    expect(early?.said).toContain("has not forgotten the log");
    for (const each of [open, twice]) {
      expect(each?.called).toContain("start patroni.service");
      expect(each?.stands).toEqual(["restored", null, "old", false]);
    }
    expect(existsSync(`${dir}/cut-over-prepared.json`)).toBe(false);
  });

  test("on a node that copies the restored data there is none until then", async () =>
    expect((await last(run(CLOSE, ASIDE))).stands).toEqual([null, null, "old", true]));

  test.each([[[CLOSE]], [[CLOSE, ASIDE]]])("back after %s", async (steps) => {
    prepared();
    const [back] = (await run(...steps, BACK, ["discard", STAMP])).slice(-2);
    expect(back?.called).toEqual(expect.arrayContaining([`keep-log ${STAMP}`, "start patroni.service"]));
    expect(back?.stands).toEqual(["old", "restored", null, false]);
    expect(readdirSync(dir).toSorted()).toEqual(["data", "lock"]);
  });

  test("not back once the log is forgotten", async () =>
    expect(await last(run(CLOSE, ASIDE, ["etcd", STAMP], BACK))).toMatchObject({
      said: expect.stringContaining("can't lead any more"),
      stands: [null, null, "old", true],
    }));
});

describe("back where nothing is closed", () => {
  test("is noted all the same, and Patroni is started: it may have been killed just before that", async () =>
    expect(await last(run(BACK))).toMatchObject({
      called: [`keep-log ${STAMP}`, "start patroni.service"],
      stands: ["old", null, null, false],
    }));

  test("fails where Patroni does not start, and is done by the next one", async () => {
    const [back, , again] = (await run(CLOSE, ["start", "fails"], BACK, ["start", "works"], BACK)).slice(-3);
    expect(back?.said).toContain("does not start");
    expect(again).toMatchObject({ said: "", called: expect.arrayContaining(["start patroni.service"]) });
  });
});

describe("what is in memory is on the disk before the stop", () => {
  test("while it still serves", async () =>
    expect((await last(run(CLOSE))).called).toEqual([
      "log-state",
      "CHECKPOINT open",
      ...["log-state", "stop patroni.service", "is-active patroni.service"],
    ]));

  test("again where it lasted, and not where it fails", async () => {
    const times = async (kind: string) =>
      (await last(run(["checkpoint", kind], CLOSE))).called.filter((each) => each.startsWith("CHECKPOINT"))
        .length;
    expect(await times("lasts")).toBe(2);
    rmSync(`${dir}/cut-over.json`);
    expect(await times("fails")).toBe(1);
    expect(existsSync(`${dir}/cut-over.json`)).toBe(true);
  });

  test("with a longer limit of systemd's, for this stop alone", async () => {
    mkdirSync(`${dir}/limits`);
    const { called } = await last(run(CLOSE));
    expect(called.filter((each) => /reload|stop/.test(each))).toEqual([
      ...["daemon-reload", "stop patroni.service", "daemon-reload"],
    ]);
    expect(readdirSync(`${dir}/limits/patroni.service.d`)).toEqual([]);
  });

  test.each([[BACK], [OPEN]])(
    "a limit that a killed close left is gone before `%s` starts Patroni",
    async (step) => {
      mkdirSync(`${dir}/limits/patroni.service.d`, { recursive: true });
      writeFileSync(`${dir}/limits/patroni.service.d/cut-over.conf`, "[Service]\nTimeoutStopSec=1200\n");
      const { called } = await last(run(step));
      expect(readdirSync(`${dir}/limits/patroni.service.d`)).toEqual([]);
      expect(called.slice(-2)).toEqual(["daemon-reload", "start patroni.service"]);
    },
  );
});

test("of a dr-restore that was killed nothing is left", async () => {
  await run(["prepare", STAMP, "5", `${dir}/report.json`]);
  expect(readdirSync(dir).toSorted()).toEqual(["data"]);
});

test("a restore that fails late leaves what another cut-over has prepared since", async () => {
  const other = JSON.stringify({ stamp: "20260302T120000Z", state: "ready", epoch: 5 });
  const restore = () => {
    mkdirSync(`${dir}/data.restored`);
    return { process: 1, ended: Promise.resolve(0) };
  };
  // The other one's comes just after this one has noted its own.
  const own = async (file = "") => writeFileSync(file, other);
  const cutOver = new CutOver(dir, { ...THIS_NODE, restore, own });
  await expect(cutOver.prepare(STAMP, 5, `${dir}/no-report.json`, [])).rejects.toThrow("ENOENT");
  expect(readFileSync(`${dir}/cut-over-prepared.json`, "utf8")).toBe(other);
  expect(existsSync(`${dir}/data.restored`)).toBe(true);
});

test("left-overs of a restore alone are removed", async () => {
  mkdirSync(`${dir}/data.restored.restore`);
  expect((await last(run(["discard", STAMP]))).said).toBe("");
  expect(readdirSync(dir).toSorted()).toEqual(["data", "lock"]);
});

test("one that was closed and not set aside is when it is opened", async () =>
  expect(await last(run(CLOSE, ["etcd", STAMP], OPEN))).toMatchObject({
    stands: [null, null, "old", false],
  }));

describe("refused", () => {
  test.each([`undone ${STAMP}`, STAMP, "20260302T120000Z"])(
    "an order that comes late: etcd knows %s",
    async (known) => {
      const close = await last(run(["etcd", known], CLOSE));
      expect(close.said).toContain("refused");
      expect(close.stands).toEqual(["old", null, null, false]);
    },
  );

  test("to set aside where nothing restored is, though it was to be", async () => {
    const [not] = (await run(CLOSE, ["aside", STAMP, "restored"])).slice(-1);
    expect(not?.said).toContain("has no prepared data");
    prepared();
    rmSync(`${dir}/data.restored`, { recursive: true });
    expect((await last(run(ASIDE))).said).toContain("are gone: there is no");
    expect((await last(run(BACK))).stands).toEqual(["old", null, null, false]);
  });

  test("a PostgreSQL that did not end cleanly: nothing is moved, and nothing starts", async () => {
    state = "in production";
    for (const { said, stands } of await run(CLOSE, ASIDE)) {
      expect(said).toContain("did not stop cleanly");
      expect(stands).toEqual(["old", null, null, true]);
    }
  });

  test("a node that was not closed is not set aside, nor one that another cut-over closed", async () => {
    const [aside, , other, discard] = await run(
      ASIDE,
      CLOSE,
      ["close", "20260302T120000Z"],
      ["discard", STAMP],
    );
    expect(aside?.said).toContain("has not closed");
    for (const each of [other, discard]) expect(each?.said).toContain("is under way");
  });

  test("names that are none", async () =>
    expect((await last(run(["close", "../x"]))).stands).toEqual(["old", null, null, false]));
});

test("what a later restore needs of the restored timeline is handed to the archiver", async () => {
  prepared();
  mkdirSync(`${dir}/data.restored/pg_wal/archive_status`, { recursive: true });
  const names = [
    "00000004.history",
    "000000030000000000000004",
    "000000040000000000000004",
    "000000040000000000000005",
  ];
  for (const name of names) writeFileSync(`${dir}/data.restored/pg_wal/${name}`, "");
  await run(["hand"]);
  expect(readdirSync(`${dir}/data.restored/pg_wal/archive_status`).toSorted()).toEqual([
    "00000004.history.ready",
    "000000040000000000000004.ready",
  ]);
});

test("a process id of before a boot that is another program's now is no PostgreSQL", () => {
  // dr-restore has the same rule, in Python.
  const program = `import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from dr_scratch import Scratch
print(Scratch(sys.argv[2], sys.argv[3], 1, sys.argv[3]).state())`;
  const states = (cwd: string) => {
    const other = spawn("sleep", ["60"], { cwd, stdio: "ignore" });
    writeFileSync(`${dir}/data/postmaster.pid`, `${other.pid}\n`);
    const argv = ["-c", program, resolve("nodes/bin/library"), `${dir}/data`, dir];
    const inPython = execFileSync("python3", argv, { encoding: "utf8" }).trim();
    const own = serverState(`${dir}/data`);
    other.kill();
    return [own ?? "None", inPython];
  };
  expect(states(`${dir}/data`)).toEqual(["starting", "starting"]);
  expect(states(dir)).toEqual(["None", "None"]);
  rmSync(`${dir}/data/postmaster.pid`);
  expect(serverState(`${dir}/data`)).toBeUndefined();
});

test("two orders at once wait for each other", async () => {
  const seen: string[] = [];
  const order = (name: string) =>
    locked(`${dir}/lock`, async () => {
      seen.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      seen.push(`${name} ends`);
    });
  await Promise.all([order("a"), order("b"), order("c")]);
  for (let i = 0; i < seen.length; i += 2) expect(seen[i + 1]).toBe(seen[i]?.replace("begins", "ends"));
  expect(seen).toHaveLength(6);
});

describe("what makes a restored cluster one to lead with", () => {
  const SERVER = { sockets: "/restored", port: 5499 };
  /** Servers that answer by the first statement's words. */
  const asking = (answers: (server: string, statements: string) => string) => {
    const asked: string[] = [];
    const ask: Ask = async ({ sockets }, statements) => {
      asked.push(`${sockets}: ${statements}`);
      return answers(sockets, statements);
    };
    return { ask, asked };
  };

  test("its log is marked as the epoch's, on its own timeline", async () => {
    const { ask, asked } = asking((_, words) => (words.includes("INSERT") ? "5\t4" : "f"));
    await markLog(ask, SERVER, 5, 4);
    expect(asked.at(-1)).toContain("'00000004'");
    const other = asking((_, words) => (words.includes("INSERT") ? "" : "f"));
    await expect(markLog(other.ask, SERVER, 5, 4)).rejects.toThrow("not on timeline 4");
  });

  test("a log of a later epoch than the region has opened is refused", async () => {
    const { ask } = asking((_, words) => (words.includes("max(epoch)") ? "6" : "t"));
    await expect(markLog(ask, SERVER, 5, 4)).rejects.toThrow("is from epoch 6");
  });

  const NAMED = 'a"\nb';

  test("logins that both have keep the passwords that they have now; others don't come along", async () => {
    const line = (name: string, password: string) => `ALTER ROLE ${name} PASSWORD '${password}';`;
    const { ask, asked } = asking((server, words) => {
      if (words.includes("pg_roles")) return JSON.stringify(["app", "same", NAMED]);
      if (!words.includes("pg_authid")) return "";
      const live = { app: "new", same: "same", younger: "x", [NAMED]: "it's" };
      const restored = { app: "old", same: "same" };
      return JSON.stringify(server === "/restored" ? restored : live);
    });
    await carryPasswords(ask, SERVER);
    expect(asked.at(-1)).toBe(
      `/restored: SET log_statement TO none;\n${line('"app"', "new")}\n${line('"a""\nb"', "it''s")}`,
    );
  });
});
