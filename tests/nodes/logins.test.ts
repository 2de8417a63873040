import { describe, expect, test } from "vitest";
import { fingerprint, parseLoginSecret } from "../../nodes/bin/login-secret.js";
import { ownerChanges, platformChanges, type Roles } from "../../nodes/bin/verbs/login-changes.js";
import { isVerifierOf, scramVerifier } from "../../nodes/bin/verbs/scram.js";

const OLD = { username: "app", password: "old" };
const NEW = { username: "app_alt", password: "new" };
const old = scramVerifier("old");
const fresh = scramVerifier("new");

/** Verifiers have random salts. */
const statements = (changes: Iterable<{ readonly statement: string }>) =>
  [...changes].map(({ statement }) => statement.replace(/'SCRAM-SHA-256\$[^']+'/, "'…'"));
/** Of which the log says nothing. */
const unlogged = (statement: string) => `SET log_statement TO none;\n${statement}`;
const owner = (secret: Parameters<typeof ownerChanges>[1], roles: Roles) =>
  statements(ownerChanges("app", secret, roles));

describe("a verifier", () => {
  test("is one password's, whatever its salt", () => {
    expect(isVerifierOf(scramVerifier("old"), "old")).toBe(true);
    expect(isVerifierOf(scramVerifier("old"), "new")).toBe(false);
  });
  test("of another kind is no password's", () => {
    expect(isVerifierOf("md5d41d8cd98f00b204e9800998ecf8427e", "old")).toBe(false);
    expect(isVerifierOf(scramVerifier("old").replace("$4096:", "$8192:"), "old")).toBe(false);
  });
});

describe("an owner's logins, at each step of a rotation", () => {
  test("before it: the owner alone, and nothing to change", () => {
    expect(owner(OLD, { app: old })).toEqual([]);
  });
  test("begun: the second one is made, and acts as the owner; the first one stays", () => {
    expect(owner({ ...OLD, next: NEW }, { app: old })).toEqual([
      'CREATE ROLE "app_alt" LOGIN IN ROLE "app"',
      `ALTER ROLE "app_alt" SET role = 'app'`,
      unlogged(`ALTER ROLE "app_alt" LOGIN PASSWORD '…'`),
    ]);
  });
  test("begun again, after it broke off: nothing is made twice", () => {
    expect(owner({ ...OLD, next: NEW }, { app: old, app_alt: null })).toEqual([
      unlogged(`ALTER ROLE "app_alt" LOGIN PASSWORD '…'`),
    ]);
    expect(owner({ ...OLD, next: NEW }, { app: old, app_alt: fresh })).toEqual([]);
  });
  test("while the servers change over: both are valid", () => {
    expect(owner({ ...NEW, retiring: "app" }, { app: old, app_alt: fresh })).toEqual([]);
  });
  test("at its end: the old one has no password, while its sessions are ended", () => {
    expect(owner({ ...NEW, retiring: "app", refused: true }, { app: old, app_alt: fresh })).toEqual([
      'ALTER ROLE "app" PASSWORD NULL',
    ]);
  });
  test("ended: the old one has no password", () => {
    expect(owner(NEW, { app: old, app_alt: fresh })).toEqual(['ALTER ROLE "app" PASSWORD NULL']);
    expect(owner(NEW, { app: null, app_alt: fresh })).toEqual([]);
  });
  test("and back to the first login with the next rotation", () => {
    const next = { username: "app", password: "newer" };
    expect(owner({ ...NEW, next }, { app: null, app_alt: fresh })).toEqual([
      unlogged(`ALTER ROLE "app" LOGIN PASSWORD '…'`),
    ]);
  });
  test("a password that the application gave to itself is replaced", () => {
    expect(owner(NEW, { app: null, app_alt: scramVerifier("its own") })).toEqual([
      unlogged(`ALTER ROLE "app_alt" LOGIN PASSWORD '…'`),
    ]);
  });
  test("a cluster that is new, or restored from before the second login: the owner comes first, without a password", () => {
    expect(owner(NEW, {})).toEqual([
      'CREATE ROLE "app" LOGIN',
      'CREATE ROLE "app_alt" LOGIN IN ROLE "app"',
      `ALTER ROLE "app_alt" SET role = 'app'`,
      unlogged(`ALTER ROLE "app_alt" LOGIN PASSWORD '…'`),
    ]);
    expect(owner(NEW, { app: old })).toEqual([
      'CREATE ROLE "app_alt" LOGIN IN ROLE "app"',
      `ALTER ROLE "app_alt" SET role = 'app'`,
      'ALTER ROLE "app" PASSWORD NULL',
      unlogged(`ALTER ROLE "app_alt" LOGIN PASSWORD '…'`),
    ]);
  });
  test.each([
    ["the login", { username: "postgres", password: "x" }],
    ["the next one", { ...OLD, next: { username: "postgres", password: "x" } }],
    ["the last one", { ...OLD, retiring: "postgres" }],
  ])("a secret whose %s is another role's is refused", (_, secret) => {
    expect(() => owner(secret, { app: old, postgres: null })).toThrow(
      "the secret of app names the login postgres; it can only be app or app_alt",
    );
  });
});

describe("the platform's logins", () => {
  const secret = { username: "replicator", password: "new", retiring: "replicator" };
  test("get the password of their secret", () => {
    expect(statements(platformChanges(secret, { replicator: old }))).toEqual([
      unlogged(`ALTER ROLE "replicator" LOGIN PASSWORD '…'`),
    ]);
    expect(statements(platformChanges(secret, { replicator: fresh }))).toEqual([]);
  });
  test("are made by Patroni, when it makes the cluster", () => {
    expect(statements(platformChanges(secret, {}))).toEqual([]);
  });
});

test("an error about a secret doesn't repeat it", () => {
  expect(() => parseLoginSecret("s", '"hunter2')).toThrow(
    "secret s is not JSON with a username and a password",
  );
  expect(() => parseLoginSecret("s", '{"password":"hunter2"}')).toThrow(/^((?!hunter2).)*$/);
});

test("a fingerprint tells passwords apart, and shows none", () => {
  expect(fingerprint("one")).toMatch(/^[0-9a-f]{12}$/);
  expect(fingerprint("one")).not.toBe(fingerprint("two"));
});
