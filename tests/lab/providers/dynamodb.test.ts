import {
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
} from "@aws-sdk/client-dynamodb";
import { beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import { awsPlugin, HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";
import { live, Resource } from "../support/resource.js";

const TABLE = "aws:dynamodb/table:Table";
const ITEM = "aws:dynamodb/tableItem:TableItem";
const KEY = "arn:aws:kms:eu-west-1:111122223333:key/1";

useEmulator();
let home: AwsPlugin;
let recovery: AwsPlugin;
beforeAll(async () => {
  home = await awsPlugin(HOME);
  recovery = await awsPlugin(RECOVERY);
});

const plain = (name: string) => ({
  name,
  billingMode: "PAY_PER_REQUEST",
  attributes: [
    { name: "pk", type: "S" },
    { name: "sk", type: "N" },
  ],
  hashKey: "pk",
  rangeKey: "sk",
});
/** As the claim table is. */
const global = (name: string) => ({
  ...plain(name),
  streamEnabled: true,
  streamViewType: "NEW_AND_OLD_IMAGES",
  replicas: [
    {
      regionName: RECOVERY,
      consistencyMode: "STRONG",
      pointInTimeRecovery: true,
      deletionProtectionEnabled: true,
      propagateTags: true,
    },
  ],
  globalTableWitness: { regionName: "eu-central-1" },
  serverSideEncryption: { enabled: true },
  pointInTimeRecovery: { enabled: true },
  deletionProtectionEnabled: true,
  tags: { owner: "sre" },
});
const unprotected = (table: ReturnType<typeof global>) => ({
  ...table,
  deletionProtectionEnabled: false,
  replicas: [{ ...table.replicas[0], deletionProtectionEnabled: false }],
});

describe("table", () => {
  test("lives", () =>
    live(home, {
      type: TABLE,
      inputs: { ...plain("life"), tags: { owner: "sre" } },
      change: {
        tags: { owner: "dba" },
        pointInTimeRecovery: { enabled: true },
        serverSideEncryption: { enabled: true, kmsKeyArn: KEY },
        streamEnabled: true,
        streamViewType: "KEYS_ONLY",
        ttl: { attributeName: "expires", enabled: true },
        tableClass: "STANDARD_INFREQUENT_ACCESS",
      },
      replace: { name: "other", hashKey: "other", rangeKey: "other" },
      outputs: { arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/life" },
      tamper: async () => {
        const ddb = sdk(DynamoDBClient);
        await ddb.send(
          new UpdateContinuousBackupsCommand({
            TableName: "life",
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
          }),
        );
        await ddb.send(new UpdateTableCommand({ TableName: "life", SSESpecification: { Enabled: false } }));
      },
      drifted: ["pointInTimeRecovery", "serverSideEncryption"],
    }));

  test("with provisioned capacity and an index", () =>
    live(home, {
      type: TABLE,
      inputs: {
        name: "provisioned",
        readCapacity: 2,
        writeCapacity: 1,
        hashKey: "pk",
        attributes: [
          { name: "pk", type: "S" },
          { name: "owner", type: "S" },
        ],
        globalSecondaryIndexes: [
          { name: "by-owner", hashKey: "owner", projectionType: "ALL", readCapacity: 1, writeCapacity: 1 },
        ],
      },
      change: { readCapacity: 3 },
    }));

  test("with a strongly consistent replica and a witness", async () => {
    const inputs = global("claims");
    const table = await new Resource(home, TABLE).create(inputs);
    expect(await table.drift()).toEqual([]);
    expect(table.outputs.streamArn).toMatch(/table\/claims\/stream\//);
    const replica = sdk(DynamoDBClient, RECOVERY);
    const { Table } = await replica.send(new DescribeTableCommand({ TableName: "claims" }));
    expect(Table?.DeletionProtectionEnabled).toBe(true);
    const { Tags } = await replica.send(
      new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn as string }),
    );
    expect(Tags).toContainEqual({ Key: "owner", Value: "sre" });
    expect((await table.diff(unprotected(inputs))).changes).toEqual({
      deletionProtectionEnabled: "update",
      replicas: "update",
    });

    await replica.send(new UpdateTableCommand({ TableName: "claims", DeletionProtectionEnabled: false }));
    expect(await table.drift()).toEqual(["replicas"]);
    await table.update(inputs);
    expect(await table.drift()).toEqual([]);

    await expect(table.delete()).rejects.toThrow(/in eu-west-1 is protected against deletion/);
    await table.update({ ...inputs, deletionProtectionEnabled: false });
    await expect(table.delete()).rejects.toThrow(/in eu-west-2 is protected against deletion/);
    await table.update(unprotected(inputs));
    await table.delete();
    expect(await table.drift()).toBeUndefined();
    await expect(replica.send(new DescribeTableCommand({ TableName: "claims" }))).rejects.toThrow(
      /not found/,
    );
  });

  test.each([
    ["without a witness", { globalTableWitness: undefined }, /three regions are needed, not 2/],
    ["with a witness among its regions", { globalTableWitness: { regionName: HOME } }, /named twice/],
    ["with a TTL", { ttl: { attributeName: "expires", enabled: true } }, /no TTL/],
    [
      "with eventual replicas and a witness",
      { replicas: [{ regionName: RECOVERY }] },
      /a witness needs replicas with consistencyMode STRONG/,
    ],
  ])("strong consistency %s is refused", (_, change, message) =>
    expect(new Resource(home, TABLE).create({ ...global("refused"), ...change })).rejects.toThrow(message),
  );

  test("a replica that can't be made leaves a table that the engine knows", async () => {
    await new Resource(recovery, TABLE).create(plain("taken"));
    await expect(new Resource(home, TABLE).create(global("taken"))).rejects.toMatchObject({
      id: "taken",
      cause: { message: expect.stringMatching(/already existed/) },
    });
  });
});

describe("item", () => {
  const claim = (epoch: number, more: object = {}) => ({
    tableName: "items",
    hashKey: "pk",
    rangeKey: "sk",
    item: JSON.stringify({ pk: { S: "claim#eu-west-2" }, sk: { N: `${epoch}` }, ...more }),
  });
  beforeAll(async () => {
    await new Resource(home, TABLE).create(unprotected(global("items")));
  });

  test("lives", () =>
    live(recovery, {
      type: ITEM,
      inputs: claim(2, { region: { S: "eu-west-2" } }),
      change: { item: claim(2, { region: { S: "eu-west-1" } }).item },
      replace: { tableName: "other" },
      outputs: { hashKeyValue: "claim#eu-west-2", rangeKeyValue: "2" },
      tamper: () =>
        sdk(DynamoDBClient).send(
          new PutItemCommand({
            TableName: "items",
            Item: { pk: { S: "claim#eu-west-2" }, sk: { N: "2" }, region: { S: "mallory" } },
          }),
        ),
      drifted: ["item"],
      importId: () => "items,claim#eu-west-2,2",
    }));

  test("is in the other region at once", async () => {
    await new Resource(recovery, ITEM).create(claim(4));
    const Key = { pk: { S: "claim#eu-west-2" }, sk: { N: "4" } };
    const { Item } = await sdk(DynamoDBClient).send(new GetItemCommand({ TableName: "items", Key }));
    expect(Item).toEqual(Key);
  });

  test("never overwrites one that is there", async () => {
    await new Resource(recovery, ITEM).create(claim(6, { region: { S: "first" } }));
    await expect(new Resource(home, ITEM).create(claim(6, { region: { S: "second" } }))).rejects.toThrow(
      /conditional request failed/,
    );
  });

  test("keeps its key", async () => {
    const item = await new Resource(recovery, ITEM).create(claim(8));
    await expect(item.update(claim(10))).rejects.toThrow(/its key can't change/);
  });
});
