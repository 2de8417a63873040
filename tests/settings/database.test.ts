import { describe, expect, test } from "vitest";
import { SettingsError } from "../../common/errors.js";
import { parseSharedSettings, type RawSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

function problemsOf(changes: RawSettings) {
  try {
    parseSharedSettings("global", { ...BASE_SETTINGS, ...changes });
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems;
  }
}
const parameters = (given: RawSettings) => ({ database: { parameters: given } });
const app = { name: "app", owner: "app" };

describe("one bad setting", () => {
  test.each<[string, RawSettings, string, RegExp, RegExp]>([
    [
      "an instance of unknown size",
      { database: { instanceType: "x2iedn.large" } },
      "database.instanceType",
      /memory isn't known/,
      /r7g/,
    ],
    [
      "a size that a family doesn't have",
      { database: { instanceType: "r7g.48xlarge" } },
      "database.instanceType",
      /memory isn't known/,
      /use a size of/,
    ],
    [
      "a parameter of Patroni's",
      parameters({ listen_addresses: "*" }),
      "database.parameters.listen_addresses",
      /set by Patroni/,
      /take it out/,
    ],
    [
      "TLS switched off",
      parameters({ ssl: false }),
      "database.parameters.ssl",
      /every client needs it/,
      /take it out/,
    ],
    [
      "commits that are not waited for",
      parameters({ synchronous_commit: "off" }),
      "database.parameters.synchronous_commit",
      /acknowledged write survives/,
      /take it out/,
    ],
    [
      "a parameter that has a setting",
      parameters({ archive_timeout: "5min" }),
      "database.parameters.archive_timeout",
      /backups/,
      /backup\.archiveTimeoutSeconds/,
    ],
    [
      "the bound of slots as a parameter",
      parameters({ max_slot_wal_keep_size: "-1" }),
      "database.parameters.max_slot_wal_keep_size",
      /standby region/,
      /database\.maxSlotWalKeepMib/,
    ],
    [
      "slots that could fill the disk",
      { database: { volumeGib: 20, maxSlotWalKeepMib: 10_241 } },
      "database.maxSlotWalKeepMib",
      /more than half/,
      /at most 10240/,
    ],
    ["a database named twice", { databases: [app, app] }, "databases.1.name", /twice/, /keep one/],
    [
      "PostgreSQL's own database",
      { databases: [app, { name: "template1", owner: "app" }] },
      "databases.1.name",
      /special meaning/,
      /another name/,
    ],
    [
      "a name that pg_hba reads as every database",
      { databases: [{ name: "all", owner: "app" }] },
      "databases.0.name",
      /special meaning/,
      /another name/,
    ],
    [
      "the superuser as an owner",
      { databases: [{ name: "app", owner: "postgres" }] },
      "databases.0.owner",
      /cluster itself uses/,
      /another name/,
    ],
    [
      "the replication login as an owner",
      { databases: [{ name: "app", owner: "replicator" }] },
      "databases.0.owner",
      /cluster itself uses/,
      /another name/,
    ],
    [
      "the group of the platform's logins as an owner",
      { databases: [{ name: "app", owner: "dr_sessions" }] },
      "databases.0.owner",
      /cluster itself uses/,
      /another name/,
    ],
    [
      "an owner with the name of another one's second login",
      { databases: [app, { name: "shop", owner: "app_alt" }] },
      "databases.1.owner",
      /second login/,
      /at most 59 characters/,
    ],
    [
      "an owner whose second login would have too long a name",
      { databases: [{ name: "app", owner: "a".repeat(60) }] },
      "databases.0.owner",
      /second login/,
      /at most 59 characters/,
    ],
    [
      "an owner in PostgreSQL's own name space",
      { databases: [{ name: "app", owner: "pg_app" }] },
      "databases.0.owner",
      /PostgreSQL/,
      /another name/,
    ],
  ])("%s", (_, changes, key, reason, remedy) => {
    const problems = problemsOf(changes);
    expect(problems.map((problem) => problem.key)).toEqual([key]);
    expect(problems[0]?.reason).toMatch(reason);
    expect(problems[0]?.remedy).toMatch(remedy);
  });
});

test("what is free may be set, and one login may own several databases", () => {
  expect(problemsOf(parameters({ work_mem: "64MB", "pg_stat_statements.max": 1000, jit: false }))).toEqual(
    [],
  );
  expect(problemsOf({ databases: [app, { name: "orders", owner: "app" }] })).toEqual([]);
  expect(problemsOf({ database: { volumeGib: 20, maxSlotWalKeepMib: 10_240 } })).toEqual([]);
});
