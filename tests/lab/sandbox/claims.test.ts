/** The sandbox's claim table as a twin reads it: two copies in the emulator, one of them for all. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import {
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  UpdateTableCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sandboxDir } from "../../../common/paths.js";
import { ClaimsProxy } from "../../../lab/twin/claims/proxy.js";
import { type ClaimStore, existingClaims } from "../../../lab/twin/claims/store.js";
import { HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";

const TABLE = "drs-claims";

useEmulator();
let store: ClaimStore;
let socket: string;
let proxy: ClaimsProxy | undefined;

beforeAll(async () => {
  await sdk(DynamoDBClient).send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
  await sdk(DynamoDBClient).send(
    new UpdateTableCommand({ TableName: TABLE, ReplicaUpdates: [{ Create: { RegionName: RECOVERY } }] }),
  );
  store = { endpoint: process.env.DR_SANDBOX_ENDPOINT as string, region: HOME };
  socket = join(sandboxDir(), "claims.sock");
  proxy = await ClaimsProxy.start(socket, await existingClaims(store, TABLE));
});
afterAll(() => proxy?.close());

/** What a guard of that region asks. */
async function call(region: string, operation: string, input: object) {
  const outgoing = request({
    socketPath: socket,
    method: "POST",
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/dynamodb/aws4_request, SignedHeaders=host, Signature=0`,
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${operation}`,
    },
  });
  outgoing.end(JSON.stringify({ TableName: TABLE, ...input }));
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of incoming) body += chunk;
  return { status: incoming.statusCode, ...JSON.parse(body) };
}

const claim = { pk: { S: `claim#${RECOVERY}` }, sk: { N: "2" } };
const CONDITION = { ConditionExpression: "attribute_not_exists(pk)" };

test("what the recovery region's stack puts into its copy, both regions read at once, and none can put again", async () => {
  await sdk(DynamoDBClient, RECOVERY).send(
    new PutItemCommand({ TableName: TABLE, Item: claim, ...CONDITION }),
  );
  for (const region of [HOME, RECOVERY]) {
    expect(await call(region, "GetItem", { Key: claim, ConsistentRead: true })).toMatchObject({
      Item: claim,
    });
    expect(await call(region, "PutItem", { Item: claim, ...CONDITION })).toMatchObject({
      status: 400,
      __type: expect.stringMatching(/ConditionalCheckFailedException$/),
    });
  }
});

test("what a guard puts there is in the stacks' copies, and not to be put again", async () => {
  const item = { pk: { S: `status#${RECOVERY}` }, sk: { N: "0" } };
  expect(await call(RECOVERY, "PutItem", { Item: item, ...CONDITION })).toMatchObject({ status: 200 });
  for (const region of [HOME, RECOVERY]) {
    const again = sdk(DynamoDBClient, region).send(
      new PutItemCommand({ TableName: TABLE, Item: item, ...CONDITION }),
    );
    await expect(again).rejects.toThrow("The conditional request failed");
  }
});

test("a table that isn't there, and an emulator that isn't, are refused with what to do", async () => {
  await expect(existingClaims(store, "none")).rejects.toThrow(
    /no claim table none[\s\S]*npx dr sandbox up global/,
  );
  await expect(existingClaims({ endpoint: "http://127.0.0.1:9", region: HOME }, TABLE)).rejects.toThrow(
    /no claim table[\s\S]*did not answer/,
  );
});
