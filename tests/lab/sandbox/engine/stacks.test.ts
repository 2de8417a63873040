/** The whole life of the five stacks on Pulumi's own engine, in the order a team would live it. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { statePolicy } from "../../../../components/access/state-policies.js";
import { bootstrapSecrets } from "../../../../credentials/bootstrap.js";
import { EMULATED_ACCOUNT } from "../../../../lab/sandbox/emulator/emulator.js";
import { type Gateway, startGateway } from "../../../../lab/sandbox/emulator/gateway.js";
import { setConfig } from "../../../../lab/sandbox/project.js";
import { type RunResult, Sandbox } from "../../../../lab/sandbox/sandbox.js";
import { EMULATOR_CREDENTIALS } from "../../../../lab/twin/claims/store.js";
import { OperationFailed } from "../../../../operations/engine/events.js";
import { assertOnlyCreates } from "../../../../operations/promotion/allowed-changes.js";
import { contractOf } from "../../../../settings/contract.js";
import { parseSharedSettings } from "../../../../settings/parse.js";
import { readStackFiles } from "../../../../settings/stack-files.js";
import { ACCOUNT_STACKS, STACK_NAMES, type StackName } from "../../../../settings/stacks.js";
import { decide } from "../../../support/iam.js";
import { quiet } from "../../../support/quiet.js";
import { BASE_SETTINGS } from "../../../support/recorder.js";
import { withTemporaryDir } from "../../support/temporary-dir.js";

/** The emulator's own account, and one that it knows by its key: a second one that deploys stack `copy`. */
const ACCOUNT = EMULATED_ACCOUNT;
const OTHER_ACCOUNT = "210987654321";

const temporary = withTemporaryDir();
let dir: string;
let sandbox: Sandbox;
let gateway: Gateway;

beforeAll(async () => {
  dir = await temporary.enter();
  sandbox = await Sandbox.open(quiet(), 0);
  for (const stack of STACK_NAMES) {
    await setConfig(stack, "accountId", JSON.stringify(ACCOUNT));
    await setConfig(stack, "backup", JSON.stringify({ copyTo: { accountId: OTHER_ACCOUNT } }));
  }
  gateway = await startGateway({ target: sandbox.emulator.endpoint, denied: new Set() });
});

afterAll(async () => {
  await gateway?.close();
  await temporary.leave();
});

interface StateResource {
  type: string;
  urn: string;
  id?: string;
  custom: boolean;
  provider?: string;
  protect?: boolean;
  outputs?: Record<string, unknown>;
}

const resourcesOf = async (stack: StackName) =>
  (await sandbox.state(stack)).deployment.resources as StateResource[];

describe("from nothing", () => {
  test.each(STACK_NAMES)("%s deploys with the policies on", async (stack) => {
    const { changes } = await sandbox.up(stack);
    expect(new Set(changes.map(({ operation }) => operation))).toEqual(new Set(["create"]));
  });

  test.each(STACK_NAMES)("%s: a second up finds no drift and changes nothing", async (stack) => {
    const { changes } = await sandbox.up(stack, { refresh: true });
    expect(changes).toEqual([]);
  });

  test("the copy's buckets are the other account's, locked, and the vaults and the trail replicate there", async () => {
    const { GetBucketReplicationCommand, GetObjectLockConfigurationCommand, ListBucketsCommand, S3Client } =
      await import("@aws-sdk/client-s3");
    const s3Of = (accessKeyId: string, region: string) =>
      new S3Client({
        endpoint: sandbox.emulator.endpoint,
        region,
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey: "test" },
      });
    const other = s3Of(OTHER_ACCOUNT, "eu-west-3");
    const { Buckets } = await other.send(new ListBucketsCommand({}));
    const copies = ["drs-copy", "drs-copy-audit"].map((name) => `${name}-${OTHER_ACCOUNT}-eu-west-3`);
    expect(Buckets?.map(({ Name }) => Name).toSorted()).toEqual(copies.toSorted());
    for (const Bucket of copies) {
      const lock = await other.send(new GetObjectLockConfigurationCommand({ Bucket }));
      expect(lock.ObjectLockConfiguration?.Rule?.DefaultRetention?.Mode).toBe("COMPLIANCE");
    }
    const targets = async (Bucket: string, region: string) => {
      const replication = await s3Of("test", region).send(new GetBucketReplicationCommand({ Bucket }));
      const found = replication.ReplicationConfiguration?.Rules?.map(({ Destination }) => Destination);
      return found?.filter((to) => to?.Account === OTHER_ACCOUNT).map((to) => to?.Bucket);
    };
    for (const region of ["eu-west-1", "eu-central-1"])
      expect(await targets(`drs-vault-${ACCOUNT}-${region}`, region)).toEqual([`arn:aws:s3:::${copies[0]}`]);
    expect(await targets(`drs-audit-${ACCOUNT}-eu-west-1`, "eu-west-1")).toEqual([
      `arn:aws:s3:::${copies[1]}`,
    ]);
  });

  test("the state bucket's policy lets each stack's role write each file of its state, and no file of another", async () => {
    const folder = join(dir, "state");
    const files = await readdir(join(folder, ".pulumi"), { recursive: true, withFileTypes: true });
    const keys = files
      // The file backend keeps an object's attributes in a file beside it.
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".attrs"))
      .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
    const { name } = parse(await readFile(join(dir, "project/Pulumi.yaml"), "utf8"));
    const policy = statePolicy(contractOf(parseSharedSettings("global", BASE_SETTINGS), "1"), "b", name);
    const writers = (key: string) =>
      ACCOUNT_STACKS.filter((stack) => {
        const principal = `arn:aws:iam::1:role/drs-pipeline-deploy-${stack}`;
        return (
          decide({ action: "s3:PutObject", resource: `arn:aws:s3:::b/${key}`, principal }, policy) === "allow"
        );
      });
    for (const key of keys) {
      const owner = ACCOUNT_STACKS.filter(
        (stack) => key.match(/[^/]+$/)?.[0].match(/^[a-z]+/)?.[0] === stack,
      );
      expect(writers(key), key).toEqual(owner);
    }
    for (const stack of ACCOUNT_STACKS) expect(keys).toContain(`.pulumi/stacks/${name}/${stack}.json`);
  });

  test.each(STACK_NAMES)("%s: no resource is in a default provider", async (stack) => {
    const resources = await resourcesOf(stack);
    expect(resources.filter(({ provider }) => provider?.includes("default_"))).toEqual([]);
    expect(
      resources.filter(({ custom, type, provider }) => custom && !type.startsWith("pulumi:") && !provider),
    ).toEqual([]);
  });

  test("an operator fills the passwords after global: no state has one, encrypted or not", async () => {
    const settings = parseSharedSettings("global", await readStackFiles("global", join(dir, "project")));
    const client = new SecretsManagerClient({
      region: settings.regions.home,
      endpoint: sandbox.emulator.endpoint,
      credentials: EMULATOR_CREDENTIALS,
    });
    const { filled } = await bootstrapSecrets({ settings, client });
    expect(filled).toContain("drs/backup/cipher");
    const values = await Promise.all(
      filled.map(
        async (SecretId) => (await client.send(new GetSecretValueCommand({ SecretId }))).SecretString,
      ),
    );
    expect((await sandbox.up("global", { refresh: true })).changes).toEqual([]);
    for (const stack of ACCOUNT_STACKS) {
      // The export is decrypted.
      const state = JSON.stringify(await sandbox.state(stack));
      for (const value of values) {
        const password = value?.startsWith("{") ? JSON.parse(value).password : value;
        expect(password).toMatch(/^[A-Za-z0-9]{48}$/);
        expect(state.includes(password)).toBe(false);
      }
    }
  });
});

/** The engine without the policies, which the first deployment and each promotion run. */
const up = (stack: StackName) => sandbox.up(stack, { policies: false });

describe("promotion by config", () => {
  const strays = (allowed: string) =>
    [...new Set(gateway.calls.map(({ region }) => region))].filter((region) => region !== allowed);

  async function promote(stack: "prod" | "dr", epoch: number, dead: readonly string[]): Promise<RunResult> {
    await setConfig(stack, "epoch", String(epoch));
    for (const region of dead) gateway.deny(region);
    gateway.calls.length = 0;
    try {
      return await sandbox.up(stack, { endpoint: gateway.endpoint });
    } finally {
      for (const region of dead) gateway.allow(region);
    }
  }

  test("a gateway that denies a region makes its up fail: the proof below is not empty", async () => {
    gateway.deny("eu-central-1");
    await setConfig("dr", "epoch", "2");
    try {
      await expect(sandbox.up("dr", { endpoint: gateway.endpoint })).rejects.toBeInstanceOf(OperationFailed);
    } finally {
      gateway.allow("eu-central-1");
    }
  });

  test("dr: one claim and a larger fleet, with home and us-east-1 out of reach", async () => {
    const preview = await sandbox.preview("dr");
    assertOnlyCreates(preview.changes, ["claim-2"]);
    const { changes } = await promote("dr", 2, ["eu-west-1", "us-east-1"]);
    assertOnlyCreates(changes, ["claim-2"]);
    expect(changes.map(({ operation }) => operation).toSorted()).toEqual(["create", "update"]);
    expect(strays("eu-central-1")).toEqual([]);
    expect(gateway.calls.length).toBeGreaterThan(0);
  });

  test("prod, the other way: with recovery and us-east-1 out of reach", async () => {
    const { changes } = await promote("prod", 3, ["eu-central-1", "us-east-1"]);
    assertOnlyCreates(changes, ["claim-3"]);
    expect(strays("eu-west-1")).toEqual([]);
  });

  test("every claim ever made is still in the table", async () => {
    const { DynamoDBClient, ScanCommand } = await import("@aws-sdk/client-dynamodb");
    const { clientFor } = await import("../../../../lab/providers/aws/context.js");
    const client = clientFor(DynamoDBClient, sandbox.emulator.endpoint, "eu-west-1");
    const { Items } = await client.send(new ScanCommand({ TableName: "drs-claims", ConsistentRead: true }));
    const epochs = (Items ?? [])
      .filter(({ pk }) => pk?.S?.startsWith("claim#"))
      .map(({ pk, sk }) => `${pk?.S} ${sk?.N}`);
    expect(epochs.toSorted()).toEqual(["claim#eu-central-1 2", "claim#eu-west-1 1", "claim#eu-west-1 3"]);
  });

  test("a region that yielded goes back to the size of its site, and nothing else", async () => {
    await setConfig("dr", "yieldedTo", "3");
    const { changes } = await up("dr");
    expect(changes.map(({ operation, properties }) => [operation, properties])).toEqual([
      ["update", ["minSize"]],
    ]);
  });

  test("an epoch that was used can't be used again, and the message says so", async () => {
    await setConfig("dr", "epoch", "0");
    const lowered = await up("dr");
    expect(
      lowered.changes.filter(({ name }) => name === "claim-2").map(({ operation }) => operation),
    ).toEqual(["forget"]);
    await setConfig("dr", "epoch", "2");
    const error = (await up("dr").catch((e: unknown) => e)) as OperationFailed;
    expect(error).toBeInstanceOf(OperationFailed);
    expect(error.message).toMatch(/claim-2[\s\S]*conditional request failed[\s\S]*set epoch 4/);
    await setConfig("dr", "epoch", "4");
    assertOnlyCreates(
      (await up("dr")).changes.filter(({ type }) => type.includes("tableItem")),
      ["claim-4"],
    );
  });

  test("an override can follow the claim, once; it stays in the table when the setting goes", async () => {
    const items = async () => (await up("dr")).changes.map(({ operation, name }) => `${operation} ${name}`);
    await setConfig("dr", "fenced", "4");
    expect(await items()).toEqual(["create fenced-4"]);
    await setConfig("dr", "fenced", "0");
    expect(await items()).toEqual(["forget fenced-4"]);
    await setConfig("dr", "fenced", "4");
    const error = (await up("dr").catch((e: unknown) => e)) as OperationFailed;
    expect(error.message).toMatch(/fenced-4[\s\S]*conditional request failed[\s\S]*config rm fenced/);
    await setConfig("dr", "fenced", "2");
  });

  test.each(["prod", "dr"] as const)("%s: up again changes nothing", async (stack) => {
    expect((await up(stack)).changes).toEqual([]);
  });
});

describe("protection", () => {
  test.each(["global", "prod"] as const)("destroy of %s is refused and deletes nothing", async (stack) => {
    const before = (await resourcesOf(stack)).length;
    const error = await sandbox.destroy(stack).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OperationFailed);
    expect((error as Error).message).toMatch(/protected/);
    expect((await resourcesOf(stack)).length).toBe(before);
  });

  test("everything that holds data is protected", async () => {
    const HOLDS_DATA = /:(Bucket|Table|Key|ReplicaKey|Volume|Secret|Zone)$/;
    for (const stack of STACK_NAMES) {
      const open = (await resourcesOf(stack)).filter(
        ({ type, protect }) => HOLDS_DATA.test(type) && !protect,
      );
      expect(open.map(({ urn }) => urn)).toEqual([]);
    }
  });
});
