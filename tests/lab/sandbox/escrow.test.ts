/** The path of a new operator against the emulated AWS: check, seal, verify, check; then what makes the check fail again. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import {
  DeleteParameterCommand,
  GetParameterCommand,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { Command } from "commander";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { createAuthority } from "../../../authority/authority.js";
import { saveAuthority } from "../../../authority/folder.js";
import { addBootstrap } from "../../../cli/commands/bootstrap.js";
import { escrowState } from "../../../escrow/record.js";
import { open } from "../../../escrow/sealed.js";
import { contractOf } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { BASE_SETTINGS } from "../../support/recorder.js";
import { sdk, useEmulator } from "../support/emulator.js";

useEmulator();

const contract = contractOf(parseSharedSettings("global", BASE_SETTINGS), "");
const REGIONS = [contract.home.region, contract.recovery.region];
const PASSPHRASE = "J7n3kQ0vXyTz5wPb9LmR2dSf6GhC8aEu4NiVoKtYxWqBjZrM";

let folder: string;
let recipient: string;
const at = (file: string) => join(folder, file);

beforeAll(async () => {
  process.env.AWS_ENDPOINT_URL = process.env.DR_SANDBOX_ENDPOINT;
  folder = mkdtempSync(join(tmpdir(), "dr-escrow-"));
  const config = Object.fromEntries(
    Object.entries(BASE_SETTINGS).map(([key, value]) => [`disaster-recovery:${key}`, value]),
  );
  writeFileSync(at("Pulumi.yaml"), stringify({ name: "disaster-recovery", runtime: "nodejs" }));
  writeFileSync(at("Pulumi.global.yaml"), stringify({ config }));
  writeFileSync(at("Pulumi.prod.yaml"), stringify({ config: { "disaster-recovery:epoch": 1 } }));
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  writeFileSync(at("key.txt"), `# public key: ${recipient}\n${identity}\n`, { mode: 0o600 });
  await saveAuthority(at("ca"), await createAuthority());
  await saveAuthority(at("other-ca"), await createAuthority());
});
afterAll(() => {
  delete process.env.AWS_ENDPOINT_URL;
  rmSync(folder, { recursive: true });
});

/** The command, in this process. @returns its exit code and all that it printed. */
async function escrow(...args: string[]): Promise<{ code: number; said: string }> {
  const printed = vi.spyOn(console, "log").mockImplementation(() => {});
  const dr = new Command();
  addBootstrap(dr);
  let failure: string | undefined;
  try {
    await dr.parseAsync(["bootstrap", "escrow", ...args, "--project", folder], { from: "user" });
  } catch (error) {
    failure = String(error);
  }
  const said = [...printed.mock.calls.flat(), ...(failure === undefined ? [] : [failure])].join("\n");
  printed.mockRestore();
  expect(said).not.toContain(PASSPHRASE);
  expect(said).not.toContain("AGE-SECRET-KEY");
  return { code: failure === undefined ? 0 : 1, said };
}
const verify = (file: string) => escrow("--verify", at(file), "--identity", at("key.txt"));
const seal = (file: string, ...more: string[]) => escrow("--to", recipient, "--out", at(file), ...more);
const recordIn = async (region: string) =>
  (await sdk(SSMClient, region).send(new GetParameterCommand({ Name: contract.escrowParameter }))).Parameter
    ?.Value as string;
const publish = async (name: string) => {
  for (const region of REGIONS)
    await sdk(SSMClient, region).send(
      new PutParameterCommand({
        Name: contract.authorityParameter,
        Type: "String",
        Value: readFileSync(at(`${name}/authority.crt`), "utf8"),
        Overwrite: true,
      }),
    );
};

test("before stack global there is nothing to seal, and the error says so", async () => {
  const { code, said } = await seal("early.age");
  expect(code).toBe(1);
  expect(said).toContain("the secret drs/backup/cipher can't be read in eu-west-1");
  expect(() => statSync(at("early.age"))).toThrow();
});

test("a deployment without an escrow is refused", async () => {
  for (const region of REGIONS)
    await sdk(SecretsManagerClient, region).send(
      new CreateSecretCommand({ Name: contract.secrets.backupCipher, SecretString: PASSPHRASE }),
    );
  await publish("ca");
  const { code, said } = await escrow("--check");
  expect(code).toBe(1);
  for (const region of REGIONS) expect(said).toContain(`${region}: it was never verified`);
});

test("it seals all that a restore needs, into a file for its owner alone", async () => {
  const { code, said } = await seal("escrow.age", "--authority", at("ca"));
  expect({ code, said }).toMatchObject({ code: 0 });
  expect(said).toContain("sealed to 1 recipient, and read back");
  expect(statSync(at("escrow.age")).mode & 0o777).toBe(0o600);
  const [, identity = ""] = readFileSync(at("key.txt"), "utf8").trim().split("\n");
  const opened = await open(readFileSync(at("escrow.age")), [identity]);
  expect(opened.passphrase).toBe(PASSPHRASE);
  expect(opened.authority?.key).toBe(readFileSync(at("ca/authority.key"), "utf8"));
  expect(Object.keys(opened.settings)).toEqual(["Pulumi.global.yaml", "Pulumi.prod.yaml", "Pulumi.yaml"]);
  expect(opened.settings["Pulumi.prod.yaml"]).toBe(readFileSync(at("Pulumi.prod.yaml"), "utf8"));
  expect(opened.places.regions.map(({ stanza, repositoryPath }) => [stanza, repositoryPath])).toEqual([
    ["drs-eu-west-1", "/eu-west-1"],
    ["drs-eu-central-1", "/eu-central-1"],
  ]);
  expect(opened.readme).toContain(`s3://${opened.places.regions[0]?.vaultBucket}`);
});

test("sealing alone is no verification, and a second one overwrites nothing", async () => {
  expect((await escrow("--check")).code).toBe(1);
  const before = readFileSync(at("escrow.age"));
  const { code, said } = await seal("escrow.age");
  expect(code).toBe(1);
  expect(said).toContain("It is there already; this command overwrites no escrow.");
  expect(readFileSync(at("escrow.age")).equals(before)).toBe(true);
});

test("verified with a recipient's key, it is recorded in both regions, and the check passes", async () => {
  const { code, said } = await verify("escrow.age");
  expect({ code, said }).toMatchObject({ code: 0 });
  for (const region of REGIONS) {
    const record = await recordIn(region);
    expect(record).not.toContain(PASSPHRASE);
    expect(JSON.parse(record)).toMatchObject({ version: 1, authority: true, recipients: [recipient] });
  }
  const check = await escrow("--check");
  expect(check).toMatchObject({ code: 0 });
  expect(check.said).toMatch(/eu-west-1: the escrow was verified on \d{4}-\d\d-\d\d/);
});

test("a record in one region alone isn't enough", async () => {
  const record = await recordIn("eu-central-1");
  await sdk(SSMClient, "eu-central-1").send(new DeleteParameterCommand({ Name: contract.escrowParameter }));
  const { code, said } = await escrow("--check");
  expect(code).toBe(1);
  expect(said).toContain("in 1 of 2 regions\n  eu-central-1: it was never verified");
  expect(record).toContain("verifiedAt");
  expect((await verify("escrow.age")).code).toBe(0);
});

test("another authority than the escrow's, or a key that others may read, verifies nothing", async () => {
  await publish("other-ca");
  const { code, said } = await verify("escrow.age");
  expect(code).toBe(1);
  expect(said).toContain("the escrow has another certificate authority than eu-west-1");
  await publish("ca");
  writeFileSync(at("open.txt"), readFileSync(at("key.txt")), { mode: 0o644 });
  const open = await escrow("--verify", at("escrow.age"), "--identity", at("open.txt"));
  expect(open).toMatchObject({ code: 1 });
  expect(open.said).toContain("has mode 0644");
});

test("a change of the settings is named, and is no failure", async () => {
  writeFileSync(at("Pulumi.prod.yaml"), stringify({ config: { "disaster-recovery:epoch": 3 } }));
  const { code, said } = await verify("escrow.age");
  expect(code).toBe(0);
  expect(said).toContain("Changed since it was sealed: Pulumi.prod.yaml.");
});

test("a new passphrase makes the escrow, and its verification, worthless", async () => {
  for (const region of REGIONS)
    await sdk(SecretsManagerClient, region).send(
      new PutSecretValueCommand({ SecretId: contract.secrets.backupCipher, SecretString: "another" }),
    );
  const check = await escrow("--check");
  expect(check.code).toBe(1);
  expect(check.said).toContain("eu-west-1: the passphrase has changed since it was verified");
  const { code, said } = await verify("escrow.age");
  expect(code).toBe(1);
  expect(said).toContain("the escrow has another backup passphrase than eu-west-1");
  expect(
    escrowState({ record: await recordIn("eu-west-1"), version: "new" }, Date.now(), 180).wrong,
  ).toContain("has changed");
});

test.each([
  ["none", []],
  ["two at once", ["--check", "--verify", "x"]],
  ["half of one", ["--to", "age1"]],
  ["the authority for a check", ["--check", "--authority", "ca"]],
])("as options, %s is refused", async (_, args) => {
  const { code, said } = await escrow(...args);
  expect(code).toBe(1);
  expect(said).toMatch(/the options don't say what to do|--authority without --to/);
});
