/** The claim table as a guard reads and writes it, on two replicas of which either may fail. */
import { beforeEach, describe, expect, test } from "vitest";
import { Claims, statusOf } from "../../../../nodes/guard/region/claims.js";
import { DynamoError, type Item } from "../../../../nodes/guard/region/dynamodb.js";
import { NO_OVERRIDES, NO_STATUS, type Status } from "../../../../nodes/guard/region/region-facts.js";
import { Time } from "../fakes/ports.js";

interface Input {
  readonly Item: Item;
  readonly ConditionExpression: string;
  readonly ExpressionAttributeValues: Readonly<Record<string, { readonly S?: string; readonly N?: string }>>;
  readonly RequestItems: Readonly<Record<string, { readonly Keys: readonly Item[] }>>;
}
const text = (item: Item | undefined, name: string) =>
  Object.values(item?.[name] ?? {})[0] as string | undefined;
const keyOf = (item: Item) => `${text(item, "pk")} ${text(item, "sk")}`;

/** Both replicas' items: the table is consistent. */
let items: Map<string, Item>;

class FakeReplica {
  readonly asked: (readonly [string, object, number])[] = [];
  isClosed = false;
  before: (operation: string) => void = () => {};
  /** What becomes of an answer. */
  after: (operation: string, answer: object) => object = (_, answer) => answer;

  async call<T>(operation: string, input: object, millis: number): Promise<T> {
    this.asked.push([operation, input, millis]);
    this.before(operation);
    return this.after(operation, this.answer(operation, input as Input)) as T;
  }

  close(): void {
    this.isClosed = true;
  }

  private answer(operation: string, input: Input): object {
    if (operation === "Query") {
      const partition = input.ExpressionAttributeValues[":pk"]?.S;
      const found = [...items.values()].filter((item) => text(item, "pk") === partition);
      return { Items: found.sort((a, b) => Number(text(b, "sk")) - Number(text(a, "sk"))).slice(0, 1) };
    }
    if (operation === "BatchGetItem") {
      const keys = input.RequestItems.claims?.Keys ?? [];
      return {
        Responses: { claims: keys.map((key) => items.get(keyOf(key))).filter((item) => item !== undefined) },
        UnprocessedKeys: {},
      };
    }
    const before = items.get(keyOf(input.Item));
    const holds =
      input.ConditionExpression === "attribute_not_exists(pk)"
        ? before === undefined
        : text(before, "sequence") === input.ExpressionAttributeValues[":before"]?.N;
    if (!holds) throw new DynamoError("ConditionalCheckFailedException", "the condition fails");
    items.set(keyOf(input.Item), input.Item);
    return {};
  }
}

let time: Time;
let replicas: [FakeReplica, FakeReplica];
let claims: Claims;
beforeEach(() => {
  items = new Map();
  time = new Time();
  replicas = [new FakeReplica(), new FakeReplica()];
  const config = { own: "here", peer: "there", table: "claims", endpoints: [], startsAsStandby: true };
  claims = new Claims(config, { clock: time, replicas });
});

const put = (pk: string, sk: number, more: Item = {}) => {
  const item = { pk: { S: pk }, sk: { N: `${sk}` }, ...more };
  items.set(keyOf(item), item);
};
const statusItem = (status: Status): Item => ({
  sequence: { N: `${status.sequence}` },
  status: { S: JSON.stringify(status) },
});
const status: Status = { ...NO_STATUS, sequence: 5, opened: 3 };
const fail = () => {
  throw new Error("no answer");
};
/** How many requests each replica has had since the last call. */
const asked = () => replicas.map((replica) => replica.asked.splice(0).length);

describe("a reading", () => {
  const query = (partition: string) => [
    "Query",
    {
      TableName: "claims",
      ConsistentRead: true,
      KeyConditionExpression: "pk = :pk AND sk BETWEEN :least AND :most",
      ExpressionAttributeValues: { ":pk": { S: partition }, ":least": { N: "1" }, ":most": { N: "1000000" } },
      ScanIndexForward: false,
      Limit: 20,
    },
    1000,
  ];
  const batch = (...keys: readonly (readonly [string, number])[]) => [
    "BatchGetItem",
    {
      RequestItems: {
        claims: {
          ConsistentRead: true,
          Keys: keys.map(([pk, sk]) => ({ pk: { S: pk }, sk: { N: `${sk}` } })),
        },
      },
    },
    1000,
  ];

  test("of an empty table finds nothing, in three consistent reads of this region's replica", async () => {
    expect(await claims.read()).toEqual({
      startedAt: time.now(),
      endedAt: time.now(),
      own: 0,
      peer: 0,
      mine: NO_STATUS,
      theirs: NO_STATUS,
      overrides: NO_OVERRIDES,
    });
    expect(replicas[0].asked).toEqual([
      query("claim#here"),
      query("claim#there"),
      batch(["status#here", 0], ["status#there", 0]),
    ]);
    expect(replicas[1].asked).toEqual([]);
  });

  test("finds each region's greatest claim and its status", async () => {
    for (const epoch of [2, 6, 4]) put("claim#here", epoch);
    put("claim#there", 5);
    put("status#here", 0, statusItem(status));
    put("status#there", 0, statusItem({ ...status, opened: 5 }));
    expect(await claims.read()).toMatchObject({ own: 6, peer: 5, mine: status, theirs: { opened: 5 } });
  });

  test.each([
    ["where this region's claim is the greater", 4, { fenced: 4, acceptDataLoss: 4 }],
    ["for that epoch only", 6, { fenced: 0, acceptDataLoss: 0 }],
    ["not below another claim", 2, NO_OVERRIDES],
  ])("asks for an operator's overrides: %s", async (_name, own, overrides) => {
    put("claim#here", own);
    put("claim#there", 3);
    for (const epoch of [2, 3, 4])
      for (const name of ["fenced", "acceptDataLoss"]) put(`${name}#here`, epoch);
    expect((await claims.read()).overrides).toEqual(overrides);
    const keys =
      own > 3
        ? ([
            ["fenced#here", own],
            ["acceptDataLoss#here", own],
          ] as const)
        : [];
    expect(replicas[0].asked.at(-1)).toEqual(batch(["status#here", 0], ["status#there", 0], ...keys));
  });

  test("tells the two overrides apart", async () => {
    put("claim#here", 2);
    put("acceptDataLoss#here", 2);
    expect((await claims.read()).overrides).toEqual({ fenced: 0, acceptDataLoss: 2 });
  });

  test("counts from the start of the attempt that succeeded", async () => {
    replicas[0].before = () => {
      time.standStill(400);
      fail();
    };
    replicas[1].before = () => time.standStill(10);
    const began = time.now();
    const { startedAt, endedAt } = await claims.read();
    expect(startedAt).toBeGreaterThanOrEqual(began + 400);
    expect(endedAt).toBe(time.now());
    expect(endedAt - startedAt).toBe(30);
  });

  test.each<[string, string, object, RegExp]>([
    ["no list of claims", "Query", {}, /claims, claim#here: DynamoDB's answer contains no list/],
    ["no answer for the table", "BatchGetItem", {}, /table claims: DynamoDB left items unread/],
    [
      "throttled keys",
      "BatchGetItem",
      { Responses: { claims: [] }, UnprocessedKeys: { claims: {} } },
      /left items unread/,
    ],
    [
      "a claim without an epoch",
      "Query",
      { Items: [{ pk: { S: "x" } }] },
      /a claim in DynamoDB's answer has no number/,
    ],
    ["a claim whose epoch is a text", "Query", { Items: [{ sk: { S: "4" } }] }, /has no number/],
    ["a claim whose epoch is empty", "Query", { Items: [{ sk: { N: "" } }] }, /has no number/],
  ])("fails where DynamoDB returns %s: that is never no claim", async (_name, operation, answer, message) => {
    for (const replica of replicas) replica.after = (which, right) => (which === operation ? answer : right);
    await expect(claims.read()).rejects.toThrow(message);
  });

  test("works without a list of unprocessed keys, and ignores items that it doesn't know", async () => {
    replicas[0].after = (which, answer) =>
      which === "BatchGetItem"
        ? { Responses: { claims: [{ other: { S: "x" } }, { pk: { N: "1" } }] } }
        : answer;
    expect((await claims.read()).mine).toBe(NO_STATUS);
    expect(asked()).toEqual([3, 0]);
  });
});

describe("a replica that fails", () => {
  test("comes last for 30 s, then first again", async () => {
    replicas[0].before = fail;
    await claims.read();
    expect(asked()).toEqual([2, 3]);
    replicas[0].before = () => {};
    time.standStill(29_999);
    await claims.read();
    expect(asked()).toEqual([0, 3]);
    time.standStill(1);
    await claims.read();
    expect(asked()).toEqual([3, 0]);
  });

  test("comes first again once it has answered in place of the other", async () => {
    replicas[0].before = fail;
    await claims.read();
    replicas[0].before = () => {};
    replicas[1].before = fail;
    await claims.read();
    asked();
    replicas[1].before = () => {};
    await claims.read();
    expect(asked()).toEqual([3, 0]);
  });

  test("comes last where only the other has answered since both failed", async () => {
    for (const replica of replicas) replica.before = fail;
    await expect(claims.read()).rejects.toThrow("no answer");
    replicas[1].before = () => {};
    await claims.read();
    replicas[0].before = () => {};
    asked();
    await claims.read();
    expect(asked()).toEqual([0, 3]);
  });

  test("comes in its usual order where both have failed, and the error names both", async () => {
    replicas[0].before = fail;
    replicas[1].before = () => {
      // What is thrown need not be an error.
      throw "not an error";
    };
    const both = /^no answer; not an error$/;
    await expect(claims.read()).rejects.toThrow(both);
    await expect(claims.read()).rejects.toThrow(both);
  });
});

describe("a status", () => {
  test("is first written where there is none", async () => {
    expect(await claims.writeStatus({ ...status, sequence: 1 })).toBe(true);
    expect(replicas[0].asked).toEqual([
      [
        "PutItem",
        {
          TableName: "claims",
          Item: {
            pk: { S: "status#here" },
            sk: { N: "0" },
            sequence: { N: "1" },
            status: { S: JSON.stringify({ ...status, sequence: 1 }) },
          },
          ConditionExpression: "attribute_not_exists(pk)",
        },
        1000,
      ],
    ]);
    expect(await claims.writeStatus({ ...status, sequence: 1 })).toBe(false);
  });

  test("is later written over the one before", async () => {
    put("status#here", 0, statusItem({ ...status, sequence: 4 }));
    expect(await claims.writeStatus(status)).toBe(true);
    expect(replicas[0].asked[0]?.[1]).toMatchObject({
      ConditionExpression: "#sequence = :before",
      ExpressionAttributeNames: { "#sequence": "sequence" },
      ExpressionAttributeValues: { ":before": { N: "4" } },
    });
    expect((await claims.read()).mine).toEqual(status);
  });

  test("is refused where another guard has written, without a query to the other replica", async () => {
    put("status#here", 0, statusItem({ ...status, opened: 2 }));
    expect(await claims.writeStatus(status)).toBe(false);
    expect(asked()).toEqual([1, 0]);
  });

  test.each<[string, Status, boolean]>([
    ["this one", status, true],
    ["another guard's", { ...status, opened: 2 }, false],
  ])("whose first answer got lost counts by what is there then: %s", async (_name, there, counts) => {
    put("status#here", 0, statusItem({ ...status, sequence: 4 }));
    replicas[0].after = () => {
      put("status#here", 0, statusItem(there));
      return fail();
    };
    expect(await claims.writeStatus(status)).toBe(counts);
  });

  test.each([
    ["DynamoDB refuses", new DynamoError("ThrottlingException", "too much")],
    ["an error like it says", Object.assign(new Error("x"), { type: "ConditionalCheckFailedException" })],
  ])("is written to the other replica where %s", async (_name, error) => {
    put("status#here", 0, statusItem({ ...status, sequence: 4 }));
    replicas[0].before = () => {
      throw error;
    };
    expect(await claims.writeStatus(status)).toBe(true);
    expect(asked()).toEqual([1, 1]);
  });

  test("may have been written where neither replica answers", async () => {
    for (const replica of replicas) replica.before = fail;
    await expect(claims.writeStatus(status)).rejects.toThrow("no answer; no answer");
  });

  test.each<[string, Item, RegExp]>([
    ["no text", { sequence: { N: "5" } }, /it: status is not JSON/],
    ["a number", { sequence: { N: "5" }, status: { N: "5" } }, /it: status is not JSON/],
    ["half a text", { sequence: { N: "5" }, status: { S: "{" } }, /it: status is not JSON/],
    ["a sequence below 0", statusItem({ ...status, sequence: -1 }), /it, sequence is not a whole number/],
    ["no sequence", { status: { S: JSON.stringify(status) } }, /it, sequence is not a whole number/],
    [
      "another sequence",
      { ...statusItem(status), sequence: { N: "6" } },
      /sequence is 6, its status' sequence 5/,
    ],
    ["an epoch below 0", statusItem({ ...status, opened: -1 }), /opened is -1, not an epoch/],
    ["half an epoch", statusItem({ ...status, opened: 1.5 }), /opened is 1.5, not an epoch/],
    ["no epoch", statusItem({ ...status, opened: undefined as never }), /opened is undefined/],
  ])("with %s is an error, not a missing status", (_name, item, message) => {
    expect(() => statusOf(item, "it")).toThrow(message);
  });

  test("of a region that has opened nothing has epoch 0", () => {
    expect(statusOf(statusItem({ ...status, sequence: 0, opened: 0 }), "it").opened).toBe(0);
  });
});

test("both replicas' connections are closed", () => {
  claims.close();
  expect(replicas.map(({ isClosed }) => isClosed)).toEqual([true, true]);
});
