import { beforeAll, expect, test } from "vitest";
import { DATABASE_LOGINS } from "../../settings/contract.js";
import { BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

const SECRET = "aws:secretsmanager/secret:Secret";
const VERSION = "aws:secretsmanager/secretVersion:SecretVersion";
const PASSWORD = "random:index/randomPassword:RandomPassword";

let global: Recording;
beforeAll(async () => {
  global = await recordStack("global");
});

const ofCredentials = ({ name }: { name: string }) => name.startsWith("credentials-");

test("every secret is in home under the data key, with a copy in recovery under that region's key", () => {
  const secrets = global.ofType(SECRET).filter(ofCredentials);
  expect(secrets.map(({ inputs }) => inputs.name).sort()).toEqual([
    "drs/backup/cipher",
    "drs/postgres/application",
    "drs/postgres/replication",
    "drs/postgres/rewind",
    "drs/postgres/superuser",
  ]);
  for (const { inputs, protect, region } of secrets) {
    expect({ protect, region }).toEqual({ protect: true, region: "eu-west-1" });
    expect(inputs.kmsKeyId).toMatch(/:keys-data$/);
    expect(inputs.replicas).toHaveLength(1);
    expect(inputs.replicas[0]).toMatchObject({ region: "eu-central-1" });
    expect(inputs.replicas[0].kmsKeyId).toMatch(/:keys-data-replica$/);
    expect(inputs.recoveryWindowInDays).toBe(30);
  }
});

test("values are generated, long, plain to quote, protected, and by an explicit provider", () => {
  const passwords = global.ofType(PASSWORD);
  expect(passwords).toHaveLength(5);
  for (const password of passwords) {
    expect(password.inputs).toMatchObject({ special: false });
    expect(password.inputs.length).toBeGreaterThanOrEqual(32);
    expect(password).toMatchObject({ provider: "random", protect: true });
  }
});

/** A secret reaches the provider marked as such, so that it is never plain text in the state. */
const revealed = (name: string): string => {
  const { secretString } = global.one(name, VERSION).inputs;
  expect(secretString[SECRET_MARK]).toBe("1b47061264138c4ac30d75fd1eb44270");
  return secretString.value;
};
const SECRET_MARK = "4dabf18193072939515e22adb298388d";

test("a login is JSON with the user's name; the cipher is the value alone", () => {
  for (const [purpose, username] of Object.entries(DATABASE_LOGINS)) {
    expect(JSON.parse(revealed(`credentials-${purpose}-version`))).toEqual({
      username,
      password: `value of credentials-${purpose}-value`,
    });
  }
  expect(revealed("credentials-backupCipher-version")).toBe("value of credentials-backupCipher-value");
});

test("every further login that owns databases has one secret, and the application's own isn't made twice", async () => {
  const databases = [
    { name: "app", owner: "app" },
    { name: "orders", owner: "orders" },
    { name: "orders_archive", owner: "orders" },
  ];
  const more = await recordStack("global", { ...BASE_SETTINGS, databases });
  const names = more
    .ofType(SECRET)
    .filter(ofCredentials)
    .map(({ inputs }) => inputs.name);
  expect(names.filter((name) => name.includes("/owner/"))).toEqual(["drs/postgres/owner/orders"]);
  expect(names.filter((name) => name === "drs/postgres/application")).toHaveLength(1);
  const { secretString } = more.one("credentials-owner-orders-version", VERSION).inputs;
  expect(JSON.parse(secretString.value)).toEqual({
    username: "orders",
    password: "value of credentials-owner-orders-value",
  });
  expect(more.one("credentials-owner-orders", SECRET).protect).toBe(true);
});
