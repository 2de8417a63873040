import { describe, expect, test } from "vitest";
import type { Change } from "../../nodes/bin/verbs/change.js";
import { changesOf, type PublicSchema, patchFor } from "../../nodes/bin/verbs/reconcile.js";
import { scramVerifier } from "../../nodes/bin/verbs/scram.js";

describe("what dr-reconcile changes", () => {
  const wanted = { ttl: 20, postgresql: { parameters: { work_mem: "8MB" }, pg_hba: ["local all all peer"] } };

  test("nothing, where everything is as wanted", () => {
    expect(patchFor({ ...wanted, standby_cluster: { host: "10.10.0.1" } }, wanted)).toEqual({});
  });

  test("only what differs; a list as a whole", () => {
    const current = {
      ttl: 30,
      postgresql: { parameters: { work_mem: "4MB" }, pg_hba: ["local all all peer", "host all all all md5"] },
    };
    expect(patchFor(current, wanted)).toEqual({
      ttl: 20,
      postgresql: { parameters: { work_mem: "8MB" }, pg_hba: ["local all all peer"] },
    });
  });

  test("a parameter that left the settings goes; other keys that they don't name stay, the guard's above all", () => {
    const current = {
      ttl: 20,
      standby_cluster: { host: "10.10.0.1" },
      slots: { dr_changes: { type: "logical" } },
      postgresql: { ...wanted.postgresql, use_slots: true, parameters: { work_mem: "8MB", jit: "off" } },
    };
    expect(patchFor(current, wanted)).toEqual({ postgresql: { parameters: { jit: null } } });
  });

  test("true is not 1, for Patroni", () => {
    expect(patchFor({ a: 1 }, { a: true })).toEqual({ a: true });
  });
});

describe("databases and owners", () => {
  const asked: string[] = [];
  /** As PostgreSQL creates it. */
  const NEW: PublicSchema = { owner: "pg_database_owner", isOpen: false };
  const changes = async (
    owners: Record<string, string>,
    roles = ["postgres"],
    schemas: Record<string, PublicSchema | undefined> = {},
    guests: Record<string, string[]> = {},
    superuserIsLogged = true,
  ) => {
    asked.length = 0;
    const made: Change[] = [];
    const loginOf = async (secret: string) => {
      asked.push(secret);
      return { username: "app", password: "secret" };
    };
    const schemaOf = async (database: string) => (database in schemas ? schemas[database] : NEW);
    for await (const change of changesOf(
      { owners, roles, guests, superuserIsLogged },
      DATABASES,
      loginOf,
      schemaOf,
    ))
      made.push(change);
    return made;
  };
  const DATABASES = [
    { name: "app", owner: "app", secret: "s/app" },
    { name: 'we"ird', owner: "app", secret: "s/app" },
  ];

  test("a secret that is missing holds up only what needs it", async () => {
    const made: string[] = [];
    const run = async () => {
      const databases = [
        { name: "ready", owner: "postgres", secret: "s/none" },
        { name: "app", owner: "app", secret: "s/app" },
      ];
      const none = async () => {
        throw new Error("no secret");
      };
      const cluster = { owners: {}, guests: {}, roles: ["postgres"], superuserIsLogged: true };
      for await (const { statement } of changesOf(cluster, databases, none, async () => undefined))
        made.push(statement);
    };
    await expect(run()).rejects.toThrow("no secret");
    expect(made).toEqual([
      'CREATE DATABASE "ready" OWNER "postgres"',
      'GRANT CONNECT, TEMPORARY ON DATABASE "ready" TO "postgres"',
    ]);
  });

  test("what is missing is made; a login once, with a verifier in the place of its password", async () => {
    const [role, login, ...others] = await changes({ postgres: "postgres" });
    expect(role?.statement).toBe('CREATE ROLE "app" LOGIN');
    expect(login?.statement).toMatch(
      /^SET log_statement TO none;\nALTER ROLE "app" LOGIN PASSWORD 'SCRAM-SHA-256\$4096:[^']+'$/,
    );
    expect(others.map(({ database, statement }) => [database, statement])).toEqual([
      [undefined, 'CREATE DATABASE "app" OWNER "postgres"'],
      ["app", 'ALTER SCHEMA public OWNER TO "app"'],
      [undefined, 'GRANT CONNECT, TEMPORARY ON DATABASE "app" TO "app"'],
      [undefined, 'CREATE DATABASE "we""ird" OWNER "postgres"'],
      ['we"ird', 'ALTER SCHEMA public OWNER TO "app"'],
      [undefined, 'GRANT CONNECT, TEMPORARY ON DATABASE "we""ird" TO "app"'],
    ]);
    expect(asked).toEqual(["s/app"]);
  });

  test("a database that its application owns goes to the platform, its schema public stays with the application", async () => {
    const made = await changes(
      { app: "app", 'we"ird': "postgres" },
      ["app", "postgres"],
      { app: { owner: "pg_database_owner", isOpen: true }, 'we"ird': { owner: "app", isOpen: false } },
      { app: ["app"], 'we"ird': ["app"] },
    );
    expect(made).toEqual([
      {
        database: "app",
        statement: 'ALTER SCHEMA public OWNER TO "app"',
        message: "changed the owner of schema public in database app from pg_database_owner to app",
      },
      {
        database: "app",
        statement: "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        message: "other roles may no longer create objects in schema public of database app",
      },
      {
        statement: 'ALTER DATABASE "app" OWNER TO "postgres"',
        message: "changed the owner of database app from app to postgres",
      },
      {
        statement: 'GRANT CONNECT, TEMPORARY ON DATABASE "app" TO "app"',
        message: "app may connect to database app",
      },
    ]);
    expect(asked).toEqual([]);
  });

  test("each statement of the superuser is logged from then on, before anything else changes", async () => {
    const [first] = await changes({ postgres: "postgres" }, ["postgres"], {}, {}, false);
    expect(first?.statement).toBe("ALTER ROLE \"postgres\" SET log_statement TO 'mod'");
  });

  test("what is as wanted is left alone, and so is a schema public that the application has dropped", async () => {
    const wanted = { app: { owner: "app", isOpen: false }, 'we"ird': undefined };
    const owners = { app: "postgres", 'we"ird': "postgres" };
    expect(await changes(owners, ["app"], wanted, { app: ["app"], 'we"ird': ["app"] })).toEqual([]);
  });
});

describe("a password that SASLprep (RFC 4013) or a client could change is refused", () => {
  test.each([
    ["mapped to nothing: a soft hyphen", "I\u00adX"],
    ["a space other than ASCII's", "a\u00a0b"],
    ["normalized: a Roman numeral", "\u2168"],
    ["normalized: a separate accent", "e\u0301"],
    ["the same in any form", "\u00e9"],
    ["prohibited: a control character, which PostgreSQL keeps", "a\u0007"],
    ["prohibited: right to left, then a digit", "\u06271"],
    ["not in Unicode 3.2", "\u{1f600}"],
    ["empty: PostgreSQL would store none", ""],
  ])("%s", (_, password) => expect(() => scramVerifier(password)).toThrow("printable ASCII"));

  test("and no other", () => {
    const all = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");
    expect(scramVerifier(all)).toMatch(/^SCRAM-SHA-256\$4096:/);
  });
});

test("a verifier is what PostgreSQL would make of the password", () => {
  // The example of RFC 7677.
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  expect(scramVerifier("pencil", salt)).toBe(
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
});
