/** What dr-check-vault tells where the vault doesn't answer, and how a program that hangs is ended. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "check-vault-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const LOAD = `
import importlib.util, json, sys, time
from importlib.machinery import SourceFileLoader
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(resolve("nodes/bin/library"))})
loader = SourceFileLoader("check_vault", ${JSON.stringify(resolve("nodes/bin/dr-check-vault"))})
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_vault", loader))
loader.exec_module(check)
`;

const python = (program: string, env: Record<string, string> = {}) =>
  JSON.parse(
    execFileSync("python3", ["-c", LOAD + program], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, ...env },
    }),
  );

describe("the age of what the vault lacks", () => {
  const NOW = 10_000;
  const age = (behind: boolean, waiting: boolean, archivedAt: number) => {
    execFileSync("mkdir", ["-p", `${dir}/pg_wal`]);
    writeFileSync(`${dir}/pg_wal/000000010000000000000005`, "");
    utimesSync(`${dir}/pg_wal/000000010000000000000005`, archivedAt, archivedAt);
    const bool = (value: boolean) => (value ? "True" : "False");
    return python(
      `check.DATA = ${JSON.stringify(dir)}\nprint(json.dumps(check.unarchived_seconds("000000010000000000000005", ${bool(behind)}, ${bool(waiting)}, 60, ${NOW})))`,
    );
  };

  test("none when all is archived", () => expect(age(false, false, NOW - 500)).toBe(0));

  test("since the newest archived segment was complete, while others wait", () =>
    expect(age(true, true, NOW - 500)).toBe(500));

  test("no more than the archive timeout while none waits: a database at rest ends no segment", () => {
    expect(age(true, false, NOW - 500)).toBe(60);
    expect(age(true, false, NOW - 20)).toBe(20);
  });
});

test("a vault that lets one question wait is asked no other, and what is told without it is told", () => {
  const looked = python(`
import subprocess
look, asked = check.Look(), []
def hang():
    asked.append("hang")
    raise subprocess.TimeoutExpired("pgbackrest", 20)
def refuse():
    raise check.dr_repository.Failed("info", 50, "ERROR: [050]: refused")
look.vault("refused", refuse)
look.vault("hung", hang)
look.vault("next", lambda: asked.append("next"))
look.part("etcd", lambda: asked.append("etcd"))
print(json.dumps({"asked": asked, "failed": look.failed}))`);
  expect(looked.asked).toEqual(["hang", "etcd"]);
  expect(looked.failed).toEqual([
    "refused: pgbackrest info ended with 50: refused",
    expect.stringMatching(/^hung: .*timed out after 20 seconds/),
  ]);
});

test.each([
  ["the leader", "f", [{ UnarchivedWalSeconds: 90 }]],
  ["a replica", "t", []],
])("while a look waits, %s tells the age of what the vault lacks, or nothing", (_, recovering, told) => {
  const said = python(`
told = []
check.sql = lambda statement: ["${recovering}"]
check.archiver = lambda archive_timeout, now: ("000000010000000000000005", 90)
check.dr_metrics.publish = lambda **values: told.append(values)
check.tell_age(60)
print(json.dumps(told))`);
  expect(said).toEqual(told);
});

test("a program that hangs is ended with all that it has started", () => {
  // As runuser does: it waits for a child, which a signal to it alone would leave.
  writeFileSync(`${dir}/pgbackrest`, `#!/bin/sh\nsleep 300 & echo $! > ${dir}/pid\nwait\n`);
  chmodSync(`${dir}/pgbackrest`, 0o755);
  const said = python(
    `
import os, subprocess
check.dr_repository.AS_POSTGRES = ()
begun = time.monotonic()
try:
    check.dr_repository.command("info", timeout=1)
    print(json.dumps("it ended"))
except subprocess.TimeoutExpired:
    print(json.dumps(time.monotonic() - begun))`,
    { PATH: `${dir}:${process.env.PATH}` },
  );
  expect(said).toBeLessThan(5);
  const pid = readFileSync(`${dir}/pid`, "utf8").trim();
  // Gone, or a zombie where nobody asks for its exit code.
  const stat = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
  expect(existsSync(`/proc/${pid}`) ? stat() : "Z").toBe("Z");
});
