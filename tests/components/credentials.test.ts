import { beforeAll, expect, test } from "vitest";
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

test("no secret of the program has a value: what the state doesn't have, no preview can read", async () => {
  for (const stack of ["global", "prod", "dr", "link"] as const) {
    const recorded = stack === "global" ? global : await recordStack(stack);
    for (const type of [VERSION, PASSWORD]) {
      const names = recorded.ofType(type).map(({ name }) => name);
      // The decoy opens nothing.
      expect(names.filter((name) => !name.startsWith("decoy-"))).toEqual([]);
    }
  }
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
  expect(more.one("credentials-owner-orders", SECRET).protect).toBe(true);
});
