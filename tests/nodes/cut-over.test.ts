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
let etcd: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cut-over-"));
  state = "shut down";
  etcd = "";
  mkdirSync(`${dir}/data`);
  writeFileSync(`${dir}/data/which`, "old");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Runs it; what it needs of the machine is made up. @returns what it printed, and the commands that it gave */
function run(...words: string[]): { said: string; called: string[] } {
  const program = `
import importlib.util, json, os, sys
from importlib.machinery import SourceFileLoader
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(resolve("nodes/library"))})
loader = SourceFileLoader("cut_over", ${JSON.stringify(resolve("nodes/scripts/dr-cut-over"))})
cut = importlib.util.module_from_spec(importlib.util.spec_from_loader("cut_over", loader))
loader.exec_module(cut)
dir, state, etcd, called = ${JSON.stringify(dir)}, ${JSON.stringify(state)}, ${JSON.stringify(etcd)}, []
cut.FOLDER, cut.DATA, cut.RESTORED = dir, f"{dir}/data", f"{dir}/data.restored"
cut.MARK, cut.PREPARED, cut.LOCK = f"{dir}/cut-over.json", f"{dir}/cut-over-prepared.json", f"{dir}/lock"
cut.own = lambda *paths: None
cut.control = lambda directory: {
  "Database cluster state": state, "Latest checkpoint's TimeLineID": "3",
  "Latest checkpoint's REDO WAL file": "000000040000000000000005",
}
cut.systemctl = lambda *words: called.append(" ".join(words)) or "inactive"
def guard(*words):
  called.append(" ".join(words))
  if words[0] == "log-state": return {"cutOver": etcd}
  return {"result": "refused", "reason": "it has gone on"} if etcd == words[1] else {"result": "kept"}
cut.guard = guard
words = json.loads(sys.argv[1])
try:
  code = cut.hand_to_archiver(4) if words == ["hand"] else cut.main(*words)
except (cut.Refused, cut.Failed) as error:
  print(f"refused: {error}")
print("called:" + json.dumps(called))
`;
  const text = execFileSync("python3", ["-c", program, JSON.stringify(words)], { encoding: "utf8" });
  const [said = "", called = "[]"] = text.split("called:");
  return { said: said.trim(), called: JSON.parse(called) };
}

const which = (name: string) =>
  existsSync(`${dir}/${name}/which`) ? readFileSync(`${dir}/${name}/which`, "utf8") : undefined;
const prepared = () => {
  mkdirSync(`${dir}/data.restored`);
  writeFileSync(`${dir}/data.restored/which`, "restored");
  writeFileSync(`${dir}/cut-over-prepared.json`, JSON.stringify({ stamp: STAMP, state: "ready", epoch: 5 }));
};
const isMarked = () => existsSync(`${dir}/cut-over.json`);

test("the mark is the file for which Patroni's unit looks", () => {
  const script = readFileSync("nodes/scripts/dr-cut-over", "utf8");
  expect(script).toContain('FOLDER = "/var/lib/dr/postgres"');
  expect(script).toContain(`f"{FOLDER}/${CUT_OVER_FILE.split("/").at(-1)}"`);
});

describe("step by step", () => {
  test("closed, set aside and opened; each again does no harm", () => {
    prepared();
    for (let again = 0; again < 2; again++) {
      expect(run("close", STAMP)).toEqual({
        said: "3",
        called: expect.arrayContaining(["stop patroni.service"]),
      });
      expect(isMarked()).toBe(true);
    }
    for (let again = 0; again < 2; again++) {
      run("aside", STAMP);
      expect([which("data"), which(`data.before-${STAMP}`)]).toEqual(["restored", "old"]);
    }
    expect(run("open", STAMP).said).toContain("not forgotten yet");
    etcd = STAMP;
    for (let again = 0; again < 2; again++) {
      expect(run("open", STAMP).called).toContain("start patroni.service");
      expect([isMarked(), existsSync(`${dir}/cut-over-prepared.json`)]).toEqual([false, false]);
    }
    expect(which(`data.before-${STAMP}`)).toBe("old");
  });

  test("on a node that copies the restored data there is none until then", () => {
    run("close", STAMP);
    run("aside", STAMP);
    expect([which("data"), which(`data.before-${STAMP}`)]).toEqual([undefined, "old"]);
  });

  test.each([["close"], ["close", "aside"]])("back after %s", (...steps) => {
    prepared();
    for (const step of steps) run(step, STAMP);
    expect(run("back", STAMP).called).toEqual(
      expect.arrayContaining([`keep-log ${STAMP}`, "start patroni.service"]),
    );
    expect([which("data"), which("data.restored"), isMarked()]).toEqual(["old", "restored", false]);
    run("discard", STAMP);
    expect(readdirSync(dir).toSorted()).toEqual(["data", "lock"]);
  });

  test("not back once the log is forgotten", () => {
    run("close", STAMP);
    run("aside", STAMP);
    etcd = STAMP;
    expect(run("back", STAMP).said).toContain("can't lead any more");
    expect([which("data"), isMarked()]).toEqual([undefined, true]);
  });
});

describe("refused", () => {
  test("a PostgreSQL that did not end cleanly: nothing is moved, and nothing starts", () => {
    state = "in production";
    expect(run("close", STAMP).said).toContain("did not end cleanly");
    expect(run("aside", STAMP).said).toContain("did not end cleanly");
    expect([which("data"), isMarked()]).toEqual(["old", true]);
  });

  test("what was not closed is not set aside, and another's is nobody else's", () => {
    expect(run("aside", STAMP).said).toContain("has not closed");
    run("close", STAMP);
    expect(run("close", "20260302T120000Z").said).toContain("is under way");
    expect(run("discard", STAMP).said).toContain("is under way");
  });

  test("names that are none", () => {
    expect(run("close", "../x").said).toBe("");
    expect(isMarked()).toBe(false);
  });
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
  run("hand");
  expect(readdirSync(`${dir}/data.restored/pg_wal/archive_status`).toSorted()).toEqual([
    "00000004.history.ready",
    "000000040000000000000004.ready",
  ]);
});
