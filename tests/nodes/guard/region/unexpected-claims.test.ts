/** The guard's reading of the claim table, from a table with items that no stack writes. */
import { beforeEach, describe, expect, test } from "vitest";
import { Claims } from "../../../../nodes/guard/region/claims.js";
import { UnexpectedClaims } from "../../../../nodes/guard/region/unexpected-claims.js";
import { Time } from "../fakes/ports.js";
import { REGION } from "../fakes/region.js";

interface Stored {
  readonly pk: string;
  /** As DynamoDB keeps it: up to 38 digits, fractions too. */
  readonly sk: string;
}

/** What DynamoDB answers to the guard's requests. */
class Table {
  readonly items: Stored[] = [];
  readonly asked: string[] = [];

  async call<T>(operation: string, input: any): Promise<T> {
    this.asked.push(operation);
    return this.answer(operation, input) as T;
  }

  close(): void {}

  claim(region: string, ...numbers: string[]): void {
    for (const sk of numbers) this.items.push({ pk: `claim#${region}`, sk });
  }

  private answer(operation: string, input: any): object {
    if (operation === "BatchGetItem") return { Responses: { [REGION.table]: [] } };
    if (operation !== "Query") throw new Error(`the table doesn't know ${operation}`);
    const { KeyConditionExpression: condition, ExpressionAttributeValues: values } = input;
    const bounded = condition === "pk = :pk AND sk BETWEEN :least AND :most";
    if (!bounded && condition !== "pk = :pk") throw new Error(`the table doesn't know ${condition}`);
    const below = input.ExclusiveStartKey ? Number(input.ExclusiveStartKey.sk.N) : Number.POSITIVE_INFINITY;
    const found = this.items
      .filter(({ pk, sk }) => pk === values[":pk"].S && Number(sk) < below)
      .filter(
        ({ sk }) =>
          !bounded || (Number(sk) >= Number(values[":least"].N) && Number(sk) <= Number(values[":most"].N)),
      )
      .sort((a, b) =>
        input.ScanIndexForward === false ? Number(b.sk) - Number(a.sk) : Number(a.sk) - Number(b.sk),
      );
    const page = found
      .slice(0, input.Limit ?? 10_000)
      .map(({ pk, sk }) => ({ pk: { S: pk }, sk: { N: sk } }));
    return { Items: page, ...(page.length < found.length && { LastEvaluatedKey: page.at(-1) }) };
  }
}

let table: Table;
let claims: Claims;
beforeEach(() => {
  table = new Table();
  claims = new Claims(REGION, { clock: new Time(), replicas: [table] });
});

describe("reading the claims", () => {
  test("the greatest claim of each region counts", async () => {
    table.claim("here", "1", "3", "11");
    table.claim("there", "2", "4");
    expect(await claims.read()).toMatchObject({ own: 11, peer: 4 });
  });

  test("a region without a claim has epoch 0", async () => {
    expect(await claims.read()).toMatchObject({ own: 0, peer: 0 });
  });

  // Each of these, written once, would otherwise end every guard's reading in both regions, or outbid every claim.
  test.each([
    ["1e20", "100000000000000000000"],
    ["beyond what a number holds exactly", "9007199254740991"],
    ["2^53 - 2", "9007199254740990"],
    ["above what settings take", "1000001"],
    ["a fraction", "4.5"],
    ["the other region's parity", "13"],
    ["zero", "0"],
    ["below zero", "-2"],
  ])("a claim that no stack can have made is ignored: %s", async (_, poison) => {
    table.claim("here", "1", "3");
    table.claim("there", "2", "4", poison);
    expect(await claims.read()).toMatchObject({ own: 3, peer: 4 });
  });

  const wrong = (count: number) => Array.from({ length: count }, (_, i) => `${2 * i + 101}`);

  test("a hundred of them don't hide the claim behind them", async () => {
    table.claim("there", "2", ...wrong(99));
    expect(await claims.read()).toMatchObject({ peer: 2 });
  });

  test("more than that is an error: the region's claim may be behind them", async () => {
    table.claim("there", "2", ...wrong(100));
    await expect(claims.read()).rejects.toThrow("claim#there: too many claims that no stack can have made");
  });

  test("usually takes three requests", async () => {
    table.claim("here", "1");
    table.claim("there", "2");
    await claims.read();
    expect(table.asked.toSorted()).toEqual(["BatchGetItem", "Query", "Query"]);
  });
});

describe("watching for unexpected claims", () => {
  test("counts them in both regions' partitions, and logs them when they change", async () => {
    const lines: unknown[] = [];
    const watch = new UnexpectedClaims(claims, (event, fields) => lines.push([event, fields]));
    expect(watch.count).toBeUndefined();
    table.claim("here", "1", "2");
    table.claim("there", "4", "100000000000000000000");
    await watch.check();
    await watch.check();
    expect(watch.count).toBe(2);
    expect(lines).toEqual([
      ["unexpected-claims", { items: ['claim#here {"N":"2"}', 'claim#there {"N":"100000000000000000000"}'] }],
    ]);
  });

  test("looks at the hundred greatest of each region", async () => {
    const even = (from: number, count: number) => Array.from({ length: count }, (_, i) => `${from + 2 * i}`);
    // From the greatest: one, 74 right ones, one as the 76th, 24 right ones, one as the 101st.
    table.claim("there", "1001", ...even(602, 74), "601", ...even(402, 24), "401", ...even(2, 50));
    expect(await claims.unexpected()).toEqual(['claim#there {"N":"1001"}', 'claim#there {"N":"601"}']);
  });

  test("finds none among claims of stacks", async () => {
    table.claim("here", "1", "3");
    table.claim("there", "2");
    const watch = new UnexpectedClaims(claims, () => {});
    await watch.check();
    expect(watch.count).toBe(0);
  });

  test("keeps what it knew while no replica answers", async () => {
    const watch = new UnexpectedClaims({ unexpected: () => Promise.reject(new Error("gone")) }, () => {});
    await watch.check();
    expect(watch.count).toBeUndefined();
  });
});
