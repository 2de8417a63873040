import type { AttributeValue, GetItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { expect, test } from "vitest";
import { type Replica, readClaimTable } from "../../operations/claim-table.js";
import { CONTRACT } from "./observations.js";

const CLAIMS: Readonly<Record<string, number>> = {
  "claim#eu-west-1": 3,
  "claim#eu-central-1": 2,
  "fenced#eu-central-1": 2,
};
const status = { sequence: 7, opened: 3 };

/** A replica that answers and records its requests. */
class Answers implements Replica {
  readonly asked: (QueryCommand | GetItemCommand)[] = [];
  constructor(readonly region: string) {}
  async query(command: QueryCommand) {
    this.asked.push(command);
    const epoch = CLAIMS[command.input.ExpressionAttributeValues?.[":pk"]?.S as string];
    return { Items: epoch ? [{ sk: { N: `${epoch}` } }] : [] };
  }
  async get(command: GetItemCommand) {
    this.asked.push(command);
    if (command.input.Key?.pk?.S !== "status#eu-west-1") return {};
    const item: Record<string, AttributeValue> = {
      sequence: { N: "7" },
      status: { S: JSON.stringify(status) },
    };
    return { Item: item };
  }
}

const fails = (region: string, error: Error): Replica => ({
  region,
  query: () => Promise.reject(error),
  get: () => Promise.reject(error),
});

const never: Replica = {
  region: "eu-west-1",
  query: (_, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  get: (_, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
};

test("claims, status and overrides of both regions, strongly consistent", async () => {
  const replica = new Answers("eu-west-1");
  expect(await readClaimTable(CONTRACT, [replica])).toEqual({
    readIn: "eu-west-1",
    failures: [],
    regions: {
      home: { claimed: 3, status, overrides: { fenced: 0, acceptDataLoss: 0 } },
      recovery: {
        claimed: 2,
        status: { sequence: 0, opened: 0 },
        overrides: { fenced: 2, acceptDataLoss: 0 },
      },
    },
  });
  expect(replica.asked.every(({ input }) => input.ConsistentRead && input.TableName === "drs-claims")).toBe(
    true,
  );
});

test("reads the other replica when the first doesn't answer, and reports why", async () => {
  const reading = await readClaimTable(CONTRACT, [never, new Answers("eu-central-1")], 20);
  expect(reading).toMatchObject({ readIn: "eu-central-1", failures: ["eu-west-1: no answer within 0.02 s"] });
});

test("without an answer from either replica it throws both reasons, never returns an empty table", async () => {
  const denied = fails("eu-west-1", new Error("Could not load credentials from any providers"));
  const missing = fails("eu-central-1", Object.assign(new Error("x"), { name: "ResourceNotFoundException" }));
  await expect(readClaimTable(CONTRACT, [denied, missing])).rejects.toThrow(
    /claim table 'drs-claims' can't be read\n {2}eu-west-1: Could not load.*\n {2}eu-central-1: the table doesn't exist\n {2}→/,
  );
});

test("a claim that no stack can have made isn't shown as the greatest", async () => {
  const replica = new Answers("eu-west-1");
  const poisoned: Replica = {
    region: "eu-west-1",
    get: (command) => replica.get(command),
    query: async ({ input }) => {
      const values = input.ExpressionAttributeValues as Record<string, { N?: string; S?: string }>;
      expect(values).toMatchObject({ ":least": { N: "1" }, ":most": { N: "1000000" } });
      return {
        Items: values[":pk"]?.S === "claim#eu-west-1" ? [{ sk: { N: "8" } }, { sk: { N: "3" } }] : [],
      };
    },
  };
  expect((await readClaimTable(CONTRACT, [poisoned])).regions.home.claimed).toBe(3);
});
