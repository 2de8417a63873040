import { expect, test } from "vitest";
import { credentialsOf, newPassword, PASSWORD_LENGTH, secretText } from "../../credentials/secret-values.js";
import { contractOf, DATABASE_LOGINS } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

const contract = contractOf(parseSharedSettings("global", BASE_SETTINGS), "");

test("a password has 48 letters and digits, uses all of them, and never repeats", () => {
  const many = Array.from({ length: 300 }, newPassword);
  for (const password of many) expect(password).toMatch(/^[A-Za-z0-9]{48}$/);
  expect(new Set(many).size).toBe(300);
  expect(new Set(many.join("")).size).toBe(62);
  expect(PASSWORD_LENGTH).toBe(48);
});

test("a login is JSON with the user's name; the cipher is the value alone", () => {
  const credentials = credentialsOf(contract, []);
  for (const [id, username] of Object.entries(DATABASE_LOGINS)) {
    const credential = credentials.find((one) => one.id === id);
    expect(JSON.parse(secretText(credential as (typeof credentials)[number], "x"))).toEqual({
      username,
      password: "x",
    });
  }
  const cipher = credentials.find(({ id }) => id === "backupCipher");
  expect(secretText(cipher as (typeof credentials)[number], "x")).toBe("x");
});

test("every further login that owns databases has one credential, and the application's own isn't listed twice", () => {
  const databases = [{ owner: "app" }, { owner: "orders" }, { owner: "orders" }];
  expect(
    credentialsOf(contract, databases).map(({ secretName, username }) => [secretName, username]),
  ).toEqual([
    ["drs/postgres/superuser", "postgres"],
    ["drs/postgres/replication", "replicator"],
    ["drs/postgres/rewind", "rewind_user"],
    ["drs/postgres/application", "app"],
    ["drs/backup/cipher", undefined],
    ["drs/postgres/owner/orders", "orders"],
  ]);
});
