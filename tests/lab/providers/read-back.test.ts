import { describe, expect, test } from "vitest";
import type { AwsContext } from "../../../lab/providers/aws/context.js";
import { fillIn, inOrderOf, type Kind, readBack } from "../../../lab/providers/aws/handlers/read-back.js";
import { PartialCreateError } from "../../../lab/providers/plugin.js";

const aws = { allTags: ({ tags = {} }) => ({ project: "dr", ...tags }) } as unknown as AwsContext;
const ref = { urn: "", type: "", name: "thing" };
const kind = (more: Partial<Kind>): Kind => ({
  make: async () => "id-1",
  read: async () => ({ size: 8, arn: "arn:1", tagsAll: { project: "dr" } }),
  delete: async () => undefined,
  ...more,
});

describe("readBack", () => {
  test("adds what AWS computed and leaves the inputs as they were written", async () => {
    const handler = readBack(kind({}));
    expect(await handler.create(aws, { size: "8" }, ref)).toEqual({
      id: "id-1",
      outputs: { arn: "arn:1", tagsAll: { project: "dr" } },
    });
  });

  test("tells the id of what was made when a later call fails", async () => {
    const failing = readBack(kind({ complete: () => Promise.reject(new Error("throttled")) }));
    const made = failing.create(aws, { size: 8 }, ref);
    await expect(made).rejects.toBeInstanceOf(PartialCreateError);
    await expect(made).rejects.toMatchObject({ id: "id-1", outputs: { size: 8 }, message: "throttled" });
  });

  test("sets the tags that changed, drops those that went, and calls nothing when none did", async () => {
    const calls: unknown[] = [];
    const { update } = readBack(
      kind({
        tagging: {
          put: async (_aws, id, tags) => calls.push(["put", id, tags]),
          drop: async (_aws, id, keys) => calls.push(["drop", id, keys]),
        },
      }),
    );
    const olds = { tagsAll: { project: "dr", a: "1", b: "1" } };
    await update?.(aws, "id-1", { tags: { a: "1", b: "1" } }, olds);
    expect(calls).toEqual([]);
    await update?.(aws, "id-1", { tags: { a: "2" } }, olds);
    expect(calls).toEqual([
      ["put", "id-1", { a: "2" }],
      ["drop", "id-1", ["b"]],
    ]);
  });
});

describe("inOrderOf", () => {
  test.each([
    [
      ["b", "a"],
      ["a", "b"],
      ["b", "a"],
    ],
    [["b"], ["a", "b", "c"], ["b", "a", "c"]],
    [undefined, ["b", "a"], ["b", "a"]],
    [["a"], undefined, []],
  ])("known %j, found %j", (known, found, result) => {
    expect(inOrderOf(known, found)).toEqual(result);
  });

  test("goes by a key where elements may differ otherwise", () => {
    const found = [
      { no: 1, port: 80 },
      { no: 2, port: 22 },
    ];
    expect(inOrderOf([{ no: 2, port: 23 }], found, ({ no }) => no)[0]).toEqual({ no: 2, port: 22 });
  });
});

describe("fillIn", () => {
  const known = { disks: [{ name: "a", ebs: { key: "k", size: 8 } }], role: "r" };

  test("takes over what isn't told, and nothing else", () => {
    const found = { disks: [{ name: "a", ebs: {} }] };
    expect(fillIn(found, known, ["disks.ebs.key"])).toEqual({ disks: [{ name: "a", ebs: { key: "k" } }] });
  });

  test("keeps the program's value, though it differs", () => {
    expect(fillIn({ role: "other" }, known, ["role"])).toEqual({ role: "other" });
  });

  test("invents nothing for what is gone or was never known", () => {
    expect(fillIn({}, known, ["disks.ebs.key"])).toEqual({});
    expect(fillIn({ disks: [{ ebs: {} }, { ebs: {} }] }, undefined, ["disks.ebs.key"])).toEqual({
      disks: [{ ebs: {} }, { ebs: {} }],
    });
  });
});
