import { expect, test } from "vitest";
import { BASE_SETTINGS, recordStack } from "../support/recorder.js";

const SECRET = "aws:secretsmanager/secret:Secret";
const VERSION = "aws:secretsmanager/secretVersion:SecretVersion";

test("each node, read replicas and the restore machine too, has a secret in its own region, under that region's key and copied nowhere", async () => {
  const global = await recordStack("global", { ...BASE_SETTINGS, database: { readReplicas: 1 } });
  const secrets = global.ofType(SECRET).filter(({ name }) => name.startsWith("certificates-"));
  expect(secrets.map(({ region, inputs }) => `${region} ${inputs.name}`)).toEqual([
    "eu-west-1 drs/tls/drs-eu-west-1-db-1",
    "eu-west-1 drs/tls/drs-eu-west-1-db-2",
    "eu-west-1 drs/tls/drs-eu-west-1-db-3",
    "eu-west-1 drs/tls/drs-eu-west-1-read-1",
    "eu-west-1 drs/tls/drs-eu-west-1-restore",
    "eu-central-1 drs/tls/drs-eu-central-1-db-1",
    "eu-central-1 drs/tls/drs-eu-central-1-db-2",
    "eu-central-1 drs/tls/drs-eu-central-1-db-3",
    "eu-central-1 drs/tls/drs-eu-central-1-read-1",
    "eu-central-1 drs/tls/drs-eu-central-1-restore",
  ]);
  for (const { region, inputs, protect } of secrets) {
    expect(inputs.kmsKeyId).toMatch(region === "eu-west-1" ? /:keys-data$/ : /:keys-data-replica$/);
    expect(inputs.replicas).toBeUndefined();
    expect(protect).toBe(true);
  }
});

test("no value of a certificate is in the program, and so none in a state", async () => {
  const global = await recordStack("global");
  const filled = global.ofType(VERSION).map(({ name }) => name);
  expect(filled).not.toEqual([]);
  expect(filled.filter((name) => name.startsWith("certificates-"))).toEqual([]);
});
