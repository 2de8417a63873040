import { describe, expect, test } from "vitest";
import { withPhysicalName } from "../../../lab/providers/names.js";
import { schemaOf } from "../../../lab/providers/schema.js";
import { hasUnknown, plain, project, same, UNKNOWN } from "../../../lab/providers/values.js";

describe("same", () => {
  test.each<[string, unknown, unknown, boolean]>([
    ["JSON documents of the same content", '{"a":1,"b":[2]}', '{ "b": [2], "a": 1 }', true],
    ["JSON documents that differ", '{"a":1}', '{"a":2}', false],
    ["text that only looks alike", "{a", "{b", false],
    ["null and nothing", null, undefined, true],
    ["false and nothing", false, undefined, false],
    ["lists in another order", [1, 2], [2, 1], false],
    ["groups with an absent key", { a: 1, b: undefined }, { a: 1 }, true],
  ])("%s", (_, a, b, equal) => expect(same(a, b)).toBe(equal));
});

describe("project", () => {
  test("what AWS fills in within a group is no drift", () =>
    expect(project({ a: 1, filledIn: true }, { a: 1 })).toEqual({ a: 1 }));
  test("a changed value is", () => expect(project({ a: 2, filledIn: true }, { a: 1 })).toEqual({ a: 2 }));
  test("an item more in a list is", () => expect(project([1, 2], [1])).toEqual([1, 2]));
  test("an equal policy keeps its text", () => expect(project('{"a": 1}', '{"a":1}')).toBe('{"a":1}'));
});

test("unknowns are found at any depth", () => {
  expect(hasUnknown({ a: [{ b: UNKNOWN }] })).toBe(true);
  expect(hasUnknown({ a: ["x"] })).toBe(false);
});

test("dates and undefined become what the wire can hold", () => {
  expect(plain({ at: new Date(0), gone: undefined, list: [undefined] })).toEqual({
    at: "1970-01-01T00:00:00.000Z",
    list: [null],
  });
});

describe("physical names", () => {
  const rule = { property: "name", maxLength: 20 };
  const seed = new Uint8Array([1, 2, 3]);
  test("fit AWS's limit and are recorded as ours", () => {
    const named = withPhysicalName(rule, "a-very-long-logical-name", {}, {}, seed);
    expect(named.name).toHaveLength(20);
    expect(named.__defaults).toEqual(["name"]);
  });
  test("stay the same from one check to the next", () => {
    const first = withPhysicalName(rule, "x", {}, {}, seed);
    expect(withPhysicalName(rule, "x", first, {}, new Uint8Array([9])).name).toBe(first.name);
  });
  test("given by the user, are the user's", () => {
    expect(withPhysicalName(rule, "x", {}, { name: "mine" }, seed)).toEqual({ name: "mine" });
  });
  test("taken back by the user, are regenerated and not kept", () => {
    expect(withPhysicalName(rule, "x", { name: "mine" }, {}, seed).name).not.toBe("mine");
  });
});

describe("the SDK's own schema", () => {
  test("tells inputs from what only the provider sets", () => {
    const schema = schemaOf("aws:s3/bucket:Bucket");
    expect(schema?.inputs).toContain("bucket");
    expect(schema?.computed).toContain("arn");
    expect(schema?.inputs).not.toContain("arn");
  });
  test("knows no type that the SDK doesn't have", () => expect(schemaOf("aws:no/such:Type")).toBeUndefined());
});
