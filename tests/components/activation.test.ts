import { describe, expect, test } from "vitest";
import { RegionClaim } from "../../components/activation.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { awsProvider } from "../../stacks/providers.js";
import { ACCOUNT_ID, BASE_SETTINGS, record, recordStack } from "../support/recorder.js";

const settings = parseSharedSettings("global", BASE_SETTINGS);
const contract = contractOf(settings, ACCOUNT_ID);
const ITEM = "aws:dynamodb/tableItem:TableItem";

const claim = (epoch: number, overrides: { fenced?: number; acceptDataLoss?: number } = {}) =>
  record(() => {
    const provider = awsProvider(settings, contract.recovery.region);
    new RegionClaim(
      "claim",
      { region: contract.recovery, claimTable: contract.claimTable, epoch, ...overrides },
      { provider },
    );
    return undefined;
  });

test("the claim table is strongly consistent over home, recovery and witness", async () => {
  const table = (await recordStack("global")).one("claims", "aws:dynamodb/table:Table");
  expect(table.inputs).toMatchObject({
    name: contract.claimTable,
    billingMode: "PAY_PER_REQUEST",
    hashKey: "pk",
    rangeKey: "sk",
    replicas: [{ regionName: "eu-central-1", consistencyMode: "STRONG", pointInTimeRecovery: true }],
    globalTableWitness: { regionName: "eu-west-3" },
    pointInTimeRecovery: { enabled: true },
    deletionProtectionEnabled: true,
  });
  expect(table.protect).toBe(true);
  expect(table.region).toBe("eu-west-1");
});

test("the claim table has nothing that strong consistency excludes, and no key that could be disabled", async () => {
  const { inputs } = (await recordStack("global")).one("claims", "aws:dynamodb/table:Table");
  for (const key of ["ttl", "localSecondaryIndexes", "readCapacity", "writeCapacity"]) {
    expect(inputs).not.toHaveProperty(key);
  }
  expect(inputs.serverSideEncryption).toEqual({ enabled: true });
  expect(inputs.replicas[0]).not.toHaveProperty("kmsKeyArn");
});

test("an epoch above 0 is one item in the region's own replica, kept on delete", async () => {
  const recording = await claim(4);
  const item = recording.one("claim-4", ITEM);
  expect(item).toMatchObject({ region: "eu-central-1", retainOnDelete: true, protect: false });
  expect(item.inputs).toMatchObject({ tableName: "drs-claims", hashKey: "pk", rangeKey: "sk" });
  expect(JSON.parse(item.inputs.item)).toEqual({
    pk: { S: "claim#eu-central-1" },
    sk: { N: "4" },
    region: { S: "eu-central-1" },
    epoch: { N: "4" },
  });
});

test("epoch 0 claims nothing", async () => {
  expect((await claim(0)).ofType(ITEM)).toEqual([]);
});

test("the same epoch is the same item, so that it is never updated", async () => {
  const [first, second] = [(await claim(2)).one("claim-2", ITEM), (await claim(2)).one("claim-2", ITEM)];
  expect(second.inputs).toEqual(first.inputs);
});

describe("an operator's override", () => {
  test.each([
    ["fenced", "fenced-4", "fenced#eu-central-1"],
    ["acceptDataLoss", "accept-data-loss-4", "acceptDataLoss#eu-central-1"],
  ])("%s is one item beside the claim, and waits for nothing", async (setting, name, pk) => {
    const recording = await claim(4, { [setting]: 4 });
    expect(recording.ofType(ITEM).map((item) => item.name)).toEqual(["claim-4", name]);
    const item = recording.one(name, ITEM);
    expect(item).toMatchObject({
      region: "eu-central-1",
      retainOnDelete: true,
      parent: recording.one("claim-4", ITEM).parent,
      dependencies: [],
    });
    expect(JSON.parse(item.inputs.item)).toEqual({
      pk: { S: pk },
      sk: { N: "4" },
      region: { S: "eu-central-1" },
      epoch: { N: "4" },
    });
  });

  test.each([
    ["left over from an earlier epoch", 4, 2],
    ["for an epoch that isn't claimed", 0, 0],
    ["for another one altogether", 4, 6],
  ])("%s writes nothing", async (_, epoch, value) => {
    const items = (await claim(epoch, { fenced: value, acceptDataLoss: value })).ofType(ITEM);
    expect(items.map(({ name }) => name)).toEqual(epoch === 0 ? [] : [`claim-${epoch}`]);
  });

  test("leaves the claim's own item as it is, so that it can follow a claim that is there", async () => {
    const [without, with_] = [await claim(4), await claim(4, { fenced: 4, acceptDataLoss: 4 })];
    expect(with_.one("claim-4", ITEM).inputs).toEqual(without.one("claim-4", ITEM).inputs);
  });
});
