/** `dr bootstrap ca --publish` against the emulated AWS, in both regions. */
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BootstrapArgs, bootstrapAuthority } from "../../../authority/bootstrap.js";
import { contractOf } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { BASE_SETTINGS } from "../../support/recorder.js";
import { sdk, useEmulator } from "../support/emulator.js";

useEmulator();

const settings = parseSharedSettings("global", BASE_SETTINGS);
const contract = contractOf(settings, "");
const REGIONS = [contract.home, contract.recovery];
let folder: string;
let lines: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "dr-ca-"));
  process.env.AWS_ENDPOINT_URL = process.env.DR_SANDBOX_ENDPOINT;
});
afterAll(() => {
  delete process.env.AWS_ENDPOINT_URL;
  rmSync(folder, { recursive: true });
});

const bootstrap = (args: Partial<BootstrapArgs>) => {
  lines = [];
  return bootstrapAuthority({
    settings,
    publish: true,
    report: (line) => lines.push(line),
    ...args,
  });
};
const secretOf = async (region: string, node: string) => {
  const client = sdk(SecretsManagerClient, region);
  const { SecretString } = await client.send(
    new GetSecretValueCommand({ SecretId: contract.certificateSecret(node) }),
  );
  return JSON.parse(SecretString as string);
};
const authorityIn = async (region: string) =>
  (await sdk(SSMClient, region).send(new GetParameterCommand({ Name: contract.authorityParameter })))
    .Parameter?.Value as string;
const makeSecrets = async ({ region, databaseNodes, restoreNode }: (typeof REGIONS)[number]) => {
  for (const name of [...databaseNodes.map((node) => node.name), restoreNode])
    await sdk(SecretsManagerClient, region).send(
      new CreateSecretCommand({ Name: contract.certificateSecret(name) }),
    );
};

describe("publishing", () => {
  const first = () => join(folder, "first");
  const second = () => join(folder, "second");

  test("before stack global: says what is missing, and writes nothing", async () => {
    await expect(bootstrap({ out: first() })).rejects.toThrow(
      /eu-west-1 has no secret drs\/tls\/drs-eu-west-1-db-1.*eu-central-1 has no secret/s,
    );
    await expect(authorityIn("eu-west-1")).rejects.toThrow();
  });

  test("while one region lacks its secrets the other gets its certificates all the same", async () => {
    await makeSecrets(contract.recovery);
    await expect(bootstrap({ authority: first() })).rejects.toThrow(/not published in 1 of 2 regions/);
    expect(lines).toEqual(["eu-central-1: 4 certificates published"]);
    expect((await secretOf("eu-central-1", "drs-eu-central-1-db-1")).key).toContain("PRIVATE KEY");
  });

  test("each node finds its own certificate in its own region, and the authority beside it", async () => {
    await makeSecrets(contract.home);
    await bootstrap({ authority: first() });
    for (const { region, databaseNodes } of REGIONS) {
      const authority = await authorityIn(region);
      for (const { name, address } of databaseNodes) {
        const leaf = await secretOf(region, name);
        expect(Object.keys(leaf)).toEqual(["certificate", "key", "authority"]);
        expect(leaf.authority).toBe(authority);
        const certificate = new X509Certificate(leaf.certificate);
        expect(certificate.checkIP(address)).toBe(address);
        expect(certificate.checkIssued(new X509Certificate(authority))).toBe(true);
      }
    }
    await expect(secretOf("eu-west-1", "drs-eu-central-1-db-1")).rejects.toThrow();
  });

  test("another authority is refused, and no certificate changed", async () => {
    const before = await secretOf("eu-west-1", "drs-eu-west-1-db-1");
    await expect(bootstrap({ out: second() })).rejects.toThrow(/trust a different authority/);
    expect(await secretOf("eu-west-1", "drs-eu-west-1-db-1")).toEqual(before);
  });

  test("an authority is changed in three steps, and nodes trust what is in use at each", async () => {
    const node = () => secretOf("eu-west-1", "drs-eu-west-1-db-1");
    const signer = async () => new X509Certificate((await node()).certificate);
    const old = await authorityIn("eu-west-1");
    const fresh = readFileSync(join(second(), "authority.crt"), "utf8");

    await bootstrap({ authority: first(), alsoTrust: second() });
    expect(await authorityIn("eu-west-1")).toBe(old + fresh);
    expect((await node()).authority).toBe(old + fresh);
    expect((await signer()).checkIssued(new X509Certificate(old))).toBe(true);

    await bootstrap({ authority: second() });
    expect((await node()).authority).toBe(old + fresh);
    expect((await signer()).checkIssued(new X509Certificate(fresh))).toBe(true);

    await bootstrap({ authority: second(), trustOnly: true });
    expect(await authorityIn("eu-west-1")).toBe(fresh);
    expect((await node()).authority).toBe(fresh);
  });

  test("credentials of another account are refused", async () => {
    await expect(
      bootstrap({ authority: second(), settings: { ...settings, accountId: "999999999999" } }),
    ).rejects.toThrow(/the AWS credentials are account \d+'s/);
  });
});
