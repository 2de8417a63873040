/** What dr-check-vault tells where the vault doesn't answer, and how a program that hangs is ended. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archived, unarchivedSeconds } from "../../nodes/bin/verbs/archiver.js";
import { tellAge } from "../../nodes/bin/verbs/check-vault.js";
import { TimedOut } from "../../nodes/bin/verbs/commands.js";
import { linesOf } from "../../nodes/bin/verbs/gauges.js";
import { openHoles } from "../../nodes/bin/verbs/holes.js";
import { Look } from "../../nodes/bin/verbs/look.js";
import { type Backup, Repository, RepositoryFailed } from "../../nodes/bin/verbs/repository.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "check-vault-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const LAST = "000000010000000000000005";

describe("the age of what the vault lacks", () => {
  const NOW = 10_000;
  const age = (isBehind: boolean, isWaiting: boolean, archivedAt: number) => {
    mkdirSync(`${dir}/pg_wal`, { recursive: true });
    writeFileSync(`${dir}/pg_wal/${LAST}`, "");
    utimesSync(`${dir}/pg_wal/${LAST}`, archivedAt, archivedAt);
    return unarchivedSeconds(dir, { last: LAST, isBehind, isWaiting }, 60, NOW);
  };

  test("none when all is archived", () => expect(age(false, false, NOW - 500)).toBe(0));

  test("since the newest archived segment was complete, while others wait", () =>
    expect(age(true, true, NOW - 500)).toBe(500));

  test("no more than the archive timeout while none waits: a database at rest ends no segment", () => {
    expect(age(true, false, NOW - 500)).toBe(60);
    expect(age(true, false, NOW - 20)).toBe(20);
  });

  test("PostgreSQL says what is archived, and the folder beside the log what waits", async () => {
    mkdirSync(`${dir}/pg_wal/archive_status`, { recursive: true });
    writeFileSync(`${dir}/pg_wal/archive_status/000000010000000000000006.ready`, "");
    age(true, true, NOW - 500);
    expect(await archived(dir, 60, NOW, async () => [LAST, "t"])).toEqual({ last: LAST, ageSeconds: 500 });
    expect(await archived(dir, 60, NOW, async () => [LAST, "f"])).toEqual({ last: LAST, ageSeconds: 0 });
  });
});

test("after one timeout the check doesn't query the vault again, and still publishes the gauges that don't need it", async () => {
  const look = new Look();
  const asked: string[] = [];
  await look.vault("refused", async () => {
    throw new RepositoryFailed("info", 50, "ERROR: [050]: refused");
  });
  await look.vault("hung", async () => {
    asked.push("hang");
    throw new TimedOut("pgbackrest", 20_000);
  });
  await look.vault("next", async () => asked.push("next"));
  await look.part("etcd", () => asked.push("etcd"));
  expect(asked).toEqual(["hang", "etcd"]);
  expect(look.failed).toEqual([
    "refused: pgbackrest info failed with exit code 50: refused",
    expect.stringMatching(/^hung: .*timed out after 20 seconds/),
  ]);
});

test("pgBackRest's errors become one line, without its line breaks", () => {
  const words =
    "P00   INFO: begin\nP00  ERROR: [103]: unable to find a valid repository:\n            repo1: hidden\nP00   INFO: end\n";
  expect(new RepositoryFailed("info", 103, words).message).toBe(
    "pgbackrest info failed with exit code 103: unable to find a valid repository: repo1: hidden",
  );
  expect(new RepositoryFailed("info", 1, "a\nlast words\n").message).toBe(
    "pgbackrest info failed with exit code 1: last words",
  );
});

test.each([
  ["the leader", "f", [{ UnarchivedWalSeconds: 90 }]],
  ["a replica", "t", []],
])(
  "while a look waits, %s tells the age of what the vault lacks, or nothing",
  async (_, recovering, told) => {
    const said: unknown[] = [];
    await tellAge(dir, 60, {
      ask: async () => [recovering],
      archived: async () => ({ last: LAST, ageSeconds: 90 }),
      publish: async (values) => void said.push(values),
    });
    expect(said).toEqual(told);
  },
);

test("gauges as StatsD takes them: none below 0, and none that isn't known", () =>
  expect(linesOf({ BackupAgeHours: 1.23456, RestoreTestSeconds: null, DumpAgeHours: -1 })).toBe(
    "BackupAgeHours:1.235|g\nDumpAgeHours:0.000|g",
  ));

test("a hole keeps the time at which it was first noticed; those that a later full backup made up for are listed separately", async () => {
  const written: unknown[] = [];
  const store = {
    get: async () => ({ "000000010000000000000003": 500 }),
    put: async (_: string, value: unknown) => void written.push(value),
  };
  const backup = {
    type: "full",
    archive: { start: "000000010000000000000008" },
    timestamp: { start: 800 },
  } as Backup;
  const absent = ["000000010000000000000003", "000000010000000000000005"];
  expect(await openHoles({ absent, backups: [backup] }, store, 900)).toEqual({
    open: ["000000010000000000000005"],
    behind: ["000000010000000000000003"],
  });
  expect(written).toEqual([{ "000000010000000000000003": 500, "000000010000000000000005": 900 }]);
  await openHoles({ absent: ["000000010000000000000003"], backups: [] }, store, 901);
  expect(written).toHaveLength(1);
});

test("a program that hangs is ended with all that it has started", async () => {
  // As a wrapper does: it waits for a child, which a signal to it alone would leave.
  const program = `${dir}/pgbackrest`;
  writeFileSync(program, `#!/bin/sh\nsleep 300 & echo $! > ${dir}/pid\nwait\n`);
  chmodSync(program, 0o755);
  const begun = performance.now();
  const repository = new Repository(([_, ...args]) => [program, ...args]);
  await expect(repository.command(["info"], { timeoutMillis: 1000 })).rejects.toThrow(TimedOut);
  expect(performance.now() - begun).toBeLessThan(5000);
  const pid = readFileSync(`${dir}/pid`, "utf8").trim();
  // Gone, or a zombie where nothing asks for its exit code.
  const stat = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
  expect(existsSync(`/proc/${pid}`) ? stat() : "Z").toBe("Z");
});

test("stanzas and the repository's place, by what pgbackrest.conf says", () => {
  writeFileSync(
    `${dir}/conf`,
    "[global]\nrepo1-s3-bucket=vault\nrepo1-path=/eu-west-1\n\n[own]\npg1-path=/d\n\n[global:archive-get]\nx=1\n\n[other]\nrepo1-path=/eu-central-1\n",
  );
  const repository = new Repository(undefined, `${dir}/conf`);
  expect(repository.stanzas()).toEqual(["own", "other"]);
  expect(repository.place()).toEqual({ bucket: "vault", path: "/eu-west-1" });
});
