/** What dr-cut-over does with a node's folders, with no Patroni and no PostgreSQL: each step, again, and back. */
import { execFileSync } from "node:child_process";
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
import { CUT_OVER_FILE } from "../../nodes/layout.js";

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
  /** What stands in data, data.restored, the data set aside, and whether the node is kept from starting. */
  readonly stands: readonly [string | null, string | null, string | null, boolean];
}

/** Runs it once for each order, in one process; what it needs of the machine is made up. `etcd` says what stands there from then on. */
function run(...orders: readonly (readonly string[])[]): Said[] {
  const program = `
import contextlib, importlib.util, io, json, os, sys
from importlib.machinery import SourceFileLoader
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(resolve("nodes/bin/library"))})
loader = SourceFileLoader("cut_over", ${JSON.stringify(resolve("nodes/bin/dr-cut-over"))})
cut = importlib.util.module_from_spec(importlib.util.spec_from_loader("cut_over", loader))
loader.exec_module(cut)
dir, state, etcd, called, results = ${JSON.stringify(dir)}, ${JSON.stringify(state)}, "", [], []
cut.FOLDER, cut.DATA, cut.RESTORED = dir, f"{dir}/data", f"{dir}/data.restored"
cut.MARK, cut.PREPARED, cut.LOCK = f"{dir}/cut-over.json", f"{dir}/cut-over-prepared.json", f"{dir}/lock"
cut.own = lambda *paths: None
cut.control = lambda directory: {
  "Database cluster state": state, "Latest checkpoint's TimeLineID": "3",
  "Latest checkpoint's REDO WAL file": "000000040000000000000005",
}
cut.systemctl = lambda *words: called.append(" ".join(words)) or "inactive"
cut.STOP_LIMITS = f"{dir}/limits"
def start():
  called.append("start patroni.service")
  if starts_badly: raise cut.Failed("patroni.service does not start")
cut.start_patroni, starts_badly = start, False
def psql(sockets, port, statements, **options):
  called.append(f"{statements} {'closed' if os.path.exists(cut.MARK) else 'open'}")
  if checkpoint == "fails": raise cut.Failed("psql ended with 2")
  if checkpoint == "lasts": clock[0] += 10
class Killed:
  """A dr-restore that leaves what it had."""
  pid = 1
  def __init__(self, argv): os.makedirs(f"{dir}/data.restored/base")
  def wait(self): return -9
cut.subprocess.Popen = Killed
cut.psql, checkpoint, clock = psql, "", [0]
cut.time.monotonic = lambda: clock[0]
def guard(*words):
  called.append(" ".join(words))
  if words[0] == "log-state": return {"cutOver": etcd}
  return {"result": "refused", "reason": "it has gone on"} if etcd == words[1] else {"result": "kept"}
cut.guard = guard
def which(name):
  return open(f"{dir}/{name}/which").read() if os.path.exists(f"{dir}/{name}/which") else None
for words in json.loads(sys.argv[1]):
  called.clear()
  said = io.StringIO()
  with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
    try:
      if words[0] == "etcd": etcd = words[1]
      elif words[0] == "checkpoint": checkpoint = words[1]
      elif words[0] == "start": starts_badly = words[1] == "fails"
      elif words[0] == "hand": cut.hand_to_archiver(4)
      else: cut.main(*words)
    except (cut.Refused, cut.Failed) as error:
      print(f"refused: {error}")
  stands = [which("data"), which("data.restored"), which("data.before-${STAMP}"), os.path.exists(cut.MARK)]
  results.append({"said": said.getvalue().strip(), "called": list(called), "stands": stands})
print(json.dumps(results))
`;
  return JSON.parse(
    execFileSync("python3", ["-c", program, JSON.stringify(orders)], { encoding: "utf8" }),
  ) as Said[];
}

const last = (said: readonly Said[]): Said => said.at(-1) as Said;
const CLOSE = ["close", STAMP];
const ASIDE = ["aside", STAMP];
const BACK = ["back", STAMP];
const OPEN = ["open", STAMP];

const prepared = () => {
  mkdirSync(`${dir}/data.restored`);
  writeFileSync(`${dir}/data.restored/which`, "restored");
  writeFileSync(`${dir}/cut-over-prepared.json`, JSON.stringify({ stamp: STAMP, state: "ready", epoch: 5 }));
};

test("the mark is the file for which Patroni's unit looks", () => {
  const script = readFileSync("nodes/bin/dr-cut-over", "utf8");
  expect(script).toContain('FOLDER = "/var/lib/dr/postgres"');
  expect(script).toContain(`f"{FOLDER}/${CUT_OVER_FILE.split("/").at(-1)}"`);
});

describe("step by step", () => {
  test("closed, set aside and opened; each again does no harm", () => {
    prepared();
    const [close, again, aside, more, early, , open, twice] = run(
      ...[CLOSE, CLOSE, ASIDE, ASIDE, OPEN, ["etcd", STAMP], OPEN, OPEN],
    );
    for (const each of [close, again])
      expect(each).toMatchObject({ said: "3", stands: ["old", "restored", null, true] });
    expect(close?.called).toContain("stop patroni.service");
    for (const each of [aside, more]) expect(each?.stands).toEqual(["restored", null, "old", true]);
    expect(early?.said).toContain("not forgotten yet");
    for (const each of [open, twice]) {
      expect(each?.called).toContain("start patroni.service");
      expect(each?.stands).toEqual(["restored", null, "old", false]);
    }
    expect(existsSync(`${dir}/cut-over-prepared.json`)).toBe(false);
  });

  test("on a node that copies the restored data there is none until then", () =>
    expect(last(run(CLOSE, ASIDE)).stands).toEqual([null, null, "old", true]));

  test.each([[[CLOSE]], [[CLOSE, ASIDE]]])("back after %s", (steps) => {
    prepared();
    const [back] = run(...steps, BACK, ["discard", STAMP]).slice(-2);
    expect(back?.called).toEqual(expect.arrayContaining([`keep-log ${STAMP}`, "start patroni.service"]));
    expect(back?.stands).toEqual(["old", "restored", null, false]);
    expect(readdirSync(dir).toSorted()).toEqual(["data", "lock"]);
  });

  test("not back once the log is forgotten", () =>
    expect(last(run(CLOSE, ASIDE, ["etcd", STAMP], BACK))).toMatchObject({
      said: expect.stringContaining("can't lead any more"),
      stands: [null, null, "old", true],
    }));
});

describe("back where nothing is closed", () => {
  test("is noted all the same, and Patroni is started: it may have been killed just before that", () =>
    expect(last(run(BACK))).toMatchObject({
      called: [`keep-log ${STAMP}`, "start patroni.service"],
      stands: ["old", null, null, false],
    }));

  test("fails where Patroni does not start, and is done by the next one", () => {
    const [back, , again] = run(CLOSE, ["start", "fails"], BACK, ["start", "works"], BACK).slice(-3);
    expect(back?.said).toContain("does not start");
    expect(again).toMatchObject({ said: "", called: expect.arrayContaining(["start patroni.service"]) });
  });
});

describe("what is in memory is on the disk before the stop", () => {
  test("while it still serves", () =>
    expect(last(run(CLOSE)).called).toEqual([
      "log-state",
      "CHECKPOINT open",
      ...["log-state", "stop patroni.service", "is-active patroni.service"],
    ]));

  test("again where it lasted, and not where it fails", () => {
    const times = (kind: string) =>
      last(run(["checkpoint", kind], CLOSE)).called.filter((each) => each.startsWith("CHECKPOINT")).length;
    expect(times("lasts")).toBe(2);
    rmSync(`${dir}/cut-over.json`);
    expect(times("fails")).toBe(1);
    expect(existsSync(`${dir}/cut-over.json`)).toBe(true);
  });

  test("with a longer limit of systemd's, for this stop alone", () => {
    mkdirSync(`${dir}/limits`);
    const { called } = last(run(CLOSE));
    expect(called.filter((each) => /reload|stop/.test(each))).toEqual([
      ...["daemon-reload", "stop patroni.service", "daemon-reload"],
    ]);
    expect(readdirSync(`${dir}/limits/patroni.service.d`)).toEqual([]);
  });
});

test("of a dr-restore that was killed nothing is left", () => {
  run(["prepare", STAMP, "5", `${dir}/report.json`]);
  expect(readdirSync(dir).toSorted()).toEqual(["data", "lock"]);
});

test("left-overs of a restore alone are removed", () => {
  mkdirSync(`${dir}/data.restored.restore`);
  expect(last(run(["discard", STAMP])).said).toBe("");
  expect(readdirSync(dir).toSorted()).toEqual(["data", "lock"]);
});

test("one that was closed and not set aside is when it is opened", () =>
  expect(last(run(CLOSE, ["etcd", STAMP], OPEN))).toMatchObject({ stands: [null, null, "old", false] }));

describe("refused", () => {
  test.each([`undone ${STAMP}`, STAMP, "20260302T120000Z"])(
    "an order that comes late: etcd knows %s",
    (known) => {
      const close = last(run(["etcd", known], CLOSE));
      expect(close.said).toContain("refused");
      expect(close.stands).toEqual(["old", null, null, false]);
    },
  );

  test("to set aside where nothing restored is, though it was to be", () => {
    const [not] = run(CLOSE, ["aside", STAMP, "restored"]).slice(-1);
    expect(not?.said).toContain("nothing is prepared");
    prepared();
    rmSync(`${dir}/data.restored`, { recursive: true });
    expect(last(run(ASIDE)).said).toContain("is gone");
    expect(last(run(BACK)).stands).toEqual(["old", null, null, false]);
  });

  test("a PostgreSQL that did not end cleanly: nothing is moved, and nothing starts", () => {
    state = "in production";
    for (const { said, stands } of run(CLOSE, ASIDE)) {
      expect(said).toContain("did not end cleanly");
      expect(stands).toEqual(["old", null, null, true]);
    }
  });

  test("what was not closed is not set aside, and another's is nobody else's", () => {
    const [aside, , other, discard] = run(ASIDE, CLOSE, ["close", "20260302T120000Z"], ["discard", STAMP]);
    expect(aside?.said).toContain("has not closed");
    for (const each of [other, discard]) expect(each?.said).toContain("is under way");
  });

  test("names that are none", () =>
    expect(last(run(["close", "../x"])).stands).toEqual(["old", null, null, false]));
});

test("what a later restore needs of the restored timeline is handed to the archiver", () => {
  prepared();
  mkdirSync(`${dir}/data.restored/pg_wal/archive_status`, { recursive: true });
  const names = [
    "00000004.history",
    "000000030000000000000004",
    "000000040000000000000004",
    "000000040000000000000005",
  ];
  for (const name of names) writeFileSync(`${dir}/data.restored/pg_wal/${name}`, "");
  run(["hand"]);
  expect(readdirSync(`${dir}/data.restored/pg_wal/archive_status`).toSorted()).toEqual([
    "00000004.history.ready",
    "000000040000000000000004.ready",
  ]);
});

test("a process id of before a boot that is somebody else's now is no PostgreSQL", () => {
  const state = (cwd: string) =>
    execFileSync(
      "python3",
      [
        "-c",
        `import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(resolve("nodes/bin/library"))})
from dr_scratch import Scratch
os.chdir(${JSON.stringify(cwd)})
open(${JSON.stringify(`${dir}/data/postmaster.pid`)}, "w").write(str(os.getpid()))
print(Scratch(${JSON.stringify(`${dir}/data`)}, ${JSON.stringify(dir)}, 1, ${JSON.stringify(dir)}).state())`,
      ],
      { encoding: "utf8" },
    ).trim();
  expect(state(`${dir}/data`)).toBe("starting");
  expect(state(dir)).toBe("None");
});
