/** There is one way to reach PostgreSQL: a session opened in another way runs what a database's owner has planted. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { REPO } from "../../common/paths.js";
import { connectionString, psqlProgram, SESSION_ENV } from "../../nodes/guard/shared/session.js";
import { SESSION_GROUP } from "../../settings/contract.js";

const python = (expression: string): unknown =>
  JSON.parse(
    execFileSync(
      "python3",
      [
        "-c",
        `import json, sys; sys.path.insert(0, sys.argv[1]); import dr_sessions; print(json.dumps(${expression}))`,
      ].concat(join(REPO, "nodes/bin/library")),
      { encoding: "utf8" },
    ),
  );

/** Folders with programs that reach the databases of the platform's users. */
const FOLDERS = ["nodes", "operations", "cli", "common", "settings", "delivery"];

function sources(folder: string): string[] {
  return readdirSync(join(REPO, folder)).flatMap((name) => {
    const path = `${folder}/${name}`;
    return statSync(join(REPO, path)).isDirectory() ? sources(path) : [path];
  });
}

/** Lines of a program that are neither a comment nor documentation. */
const code = (path: string): string =>
  readFileSync(join(REPO, path), "utf8")
    .replaceAll(/"""[\s\S]*?"""/g, "")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/^\s*(\/\/|#).*$/gm, "");

/** Files whose code contains the pattern. */
const using = (pattern: RegExp): string[] =>
  FOLDERS.flatMap(sources)
    .filter((path) => /\.(ts|py|sh)$|\/dr-[\w-]+$/.test(path) && pattern.test(code(path)))
    .sort();

const SESSIONS = "nodes/bin/library/dr_sessions.py";
const LOADS = "nodes/bin/library/dr_loads.py";
const SESSION = "nodes/guard/shared/session.ts";

describe("only one place of each language", () => {
  test("starts psql", () => {
    expect(using(/\/psql\b|["'`\s]psql\s+-|"psql"/)).toEqual(
      [SESSIONS, "nodes/bin/dr-restore-dump", SESSION].sort(),
    );
  });

  test("connects with psycopg", () => {
    expect(using(/psycopg2?\.connect|\.connect\(dbname/)).toEqual([SESSIONS]);
  });

  test("knows the connection's settings", () => {
    expect(using(/PGOPTIONS/)).toEqual([SESSIONS, SESSION].sort());
  });
});

describe("the programs of PostgreSQL that connect", () => {
  const PROGRAMS =
    /\/(pg_dump|pg_dumpall|pg_restore|pg_amcheck|vacuumdb|reindexdb|clusterdb|createdb|dropdb)\b(?!\/)/;
  const callers = using(PROGRAMS).filter((path) => path !== "nodes/image/install-database.sh");

  test("are started by these", () => {
    expect(callers).toEqual([
      "nodes/bin/dr-carry-tables",
      "nodes/bin/dr-dump",
      "nodes/bin/dr-restore-dump",
      "nodes/bin/dr-restore-test",
      LOADS,
    ]);
  });

  test.each(callers)("%s gives them the platform's settings", (path) => {
    // Its restores go through dr_loads, whose own call is another case of this test.
    expect(code(path)).toMatch(/dr_sessions\.environment\(\)/);
  });
});

test("no shell command has SQL in it", () => {
  expect(using(/-c \$\{quote\(sql\)\}|psql.*<<</)).toEqual([]);
});

describe("a session's settings", () => {
  test("are the same in both languages", () => {
    expect(python("dr_sessions.options(dr_sessions.SETTINGS)")).toBe(SESSION_ENV.PGOPTIONS);
    expect(python("dr_sessions.GROUP")).toBe(SESSION_GROUP);
  });

  test("begin with a search path without any schema of an application, and pg_temp last", () => {
    expect(SESSION_ENV.PGOPTIONS).toMatch(/^-c search_path=pg_catalog,pg_temp -c role=none /);
  });

  test("survive PostgreSQL's splitting at blanks", () => {
    expect(SESSION_ENV.PGOPTIONS).toContain(String.raw`-c default_transaction_isolation=read\ committed `);
    expect(python(String.raw`dr_sessions.options({"role": "a b\\c"})`)).toBe(String.raw`-c role=a\ b\\c`);
  });
});

describe("a database's name can't become a connection string", () => {
  const NAME = String.raw`it's \ host=elsewhere`;
  test("of psql", () => {
    const quoted = String.raw`dbname='it\'s \\ host=elsewhere'`;
    expect(connectionString(NAME)).toBe(quoted);
    expect(psqlProgram(connectionString(NAME)).at(-1)).toBe(quoted);
    expect(python(`dr_sessions.at("host=/run user=postgres", ${JSON.stringify(NAME)})`)).toBe(
      `host=/run user=postgres ${quoted}`,
    );
  });
});

describe("the parts of a dump", () => {
  const LISTED = [
    ";",
    "; Archive created at 2026-03-01 00:00:00 UTC",
    "3400; 1262 16384 DATABASE - app postgres",
    "3401; 0 0 ACL - DATABASE app postgres",
    "6; 2615 2200 SCHEMA - public app",
    "2; 3079 16385 EXTENSION - pgcrypto ",
    "215; 1259 16390 TABLE public DATABASE app",
    "216; 1259 16391 VIEW public orders mate",
    "3410; 0 16390 TABLE DATA public DATABASE app",
    "3420; 0 0 ACL public TABLE t app",
  ].join("\n");
  const listed = JSON.stringify(LISTED);

  test("that only a superuser may load are those that run no code of an owner", () => {
    const loads = (matching: string) =>
      (
        python(
          `(lambda loads: dr_sessions.entries(${listed}, loads.FIRST, ${matching}))(__import__("dr_loads"))`,
        ) as string
      )
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(";")[0]);
    expect(loads("True")).toEqual(["3400", "3401", "6", "2"]);
    expect(loads("False")).toEqual(["215", "216", "3410", "3420"]);
  });

  test("name their owners", () => {
    expect(python(`dr_sessions.owners_in(${listed})`)).toEqual(["app", "mate", "postgres"]);
  });
});

test("a password's verifier is what PostgreSQL would make of it", () => {
  const [, salt, stored, server] = (python('dr_sessions.verifier("pencil")') as string).match(
    /^SCRAM-SHA-256\$4096:(.+)\$(.+):(.+)$/,
  ) as string[];
  expect([salt, stored, server].map((text) => Buffer.from(text as string, "base64").length)).toEqual([
    16, 32, 32,
  ]);
});
