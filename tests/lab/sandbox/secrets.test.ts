/** `dr bootstrap secrets` against the emulated AWS: values in home, copies in recovery. */
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootstrapSecrets } from "../../../credentials/bootstrap.js";
import { credentialsOf } from "../../../credentials/secret-values.js";
import { writeNextValue } from "../../../credentials/secrets-manager.js";
import { contractOf } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { BASE_SETTINGS } from "../../support/recorder.js";
import { awsPlugin, sdk, useEmulator } from "../support/emulator.js";
import { Resource } from "../support/resource.js";

useEmulator();

const settings = parseSharedSettings("global", BASE_SETTINGS);
const contract = contractOf(settings, "");
const names = credentialsOf(contract, settings.databases).map(({ secretName }) => secretName);
const home = () => sdk(SecretsManagerClient, contract.home.region);
const valueIn = async (region: string, name: string) =>
  (await sdk(SecretsManagerClient, region).send(new GetSecretValueCommand({ SecretId: name })))
    .SecretString as string;
/** As stack `global` declares it. */
const declare = async (name: string) => {
  const provider = await awsPlugin(contract.home.region);
  await new Resource(provider, "aws:secretsmanager/secret:Secret").create({
    name,
    replicas: [{ region: contract.recovery.region }],
  });
};

beforeAll(() => {
  process.env.AWS_ENDPOINT_URL = process.env.DR_SANDBOX_ENDPOINT;
});
afterAll(() => {
  delete process.env.AWS_ENDPOINT_URL;
});

test("before stack global: names the missing secrets, and writes nothing", async () => {
  const [first, ...others] = names;
  await declare(first as string);
  await expect(bootstrapSecrets({ settings })).rejects.toThrow(
    new RegExp(`eu-west-1 has no secret ${others.join(", ")}`),
  );
  await expect(valueIn("eu-west-1", first as string)).rejects.toThrow();
  for (const name of others) await declare(name);
});

test("--check names the empty ones and fills none", async () => {
  const expected = { filled: [], kept: [], empty: names };
  expect(await bootstrapSecrets({ settings, check: true })).toEqual(expected);
  expect(await bootstrapSecrets({ settings, check: true })).toEqual(expected);
});

test("fills each in both regions: a login as JSON, the cipher as the value alone", async () => {
  expect(await bootstrapSecrets({ settings })).toEqual({ filled: names, kept: [], empty: [] });
  const cipher = await valueIn("eu-central-1", "drs/backup/cipher");
  expect(cipher).toMatch(/^[A-Za-z0-9]{48}$/);
  const login = JSON.parse(await valueIn("eu-central-1", "drs/postgres/application"));
  expect(login).toEqual({ username: "app", password: expect.stringMatching(/^[A-Za-z0-9]{48}$/) });
  for (const name of names)
    expect(await valueIn("eu-central-1", name)).toBe(await valueIn("eu-west-1", name));
});

test("again: no value changes, and a login that the settings add is filled alone", async () => {
  const before = await Promise.all(names.map((name) => valueIn("eu-west-1", name)));
  const more = {
    ...settings,
    databases: [...settings.databases, { ...settings.databases[0], owner: "orders" }],
  };
  await declare("drs/postgres/owner/orders");
  const result = await bootstrapSecrets({ settings: more as typeof settings });
  expect(result.filled).toEqual(["drs/postgres/owner/orders"]);
  expect([...result.kept].sort()).toEqual([...names].sort());
  expect(await Promise.all(names.map((name) => valueIn("eu-west-1", name)))).toEqual(before);
  expect(await bootstrapSecrets({ settings, check: true })).toEqual({ filled: [], kept: names, empty: [] });
});

test("a value written by hand is kept; the next value replaces it in both regions", async () => {
  const name = "drs/postgres/owner/by-hand";
  await declare(name);
  await home().send(new PutSecretValueCommand({ SecretId: name, SecretString: "mine" }));
  await writeNextValue(home(), name, "next");
  for (const region of ["eu-west-1", "eu-central-1"]) expect(await valueIn(region, name)).toBe("next");
});

test("credentials of another account are refused", async () => {
  await expect(bootstrapSecrets({ settings: { ...settings, accountId: "999999999999" } })).rejects.toThrow(
    /the AWS credentials are account \d+'s/,
  );
});
