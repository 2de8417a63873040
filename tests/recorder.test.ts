import { expect, test } from "vitest";
import { ACCOUNT_ID, BASE_SETTINGS, recordStack } from "./support/recorder.js";

test("the recorder builds a stack and resolves its outputs", async () => {
  const { resources, outputs, calls } = await recordStack("prod");
  expect(resources.map((r) => r.type)).toContain("pulumi:providers:aws");
  expect(outputs).toMatchObject({ hostname: "eu-west-1.app.example.com" });
  expect(calls.map((c) => c.provider)).toContain("aws-eu-west-1");
  expect(ACCOUNT_ID).toMatch(/^\d{12}$/);
});

test("equal settings are recorded once, and no test can change the recording", async () => {
  const first = await recordStack("link");
  expect(await recordStack("link", { ...BASE_SETTINGS })).toBe(first);
  expect(await recordStack("link", { ...BASE_SETTINGS, service: "shop" })).not.toBe(first);
  expect(() => Object.assign(first.resources[0]?.inputs ?? {}, { region: "elsewhere" })).toThrow(TypeError);
});

test("answers of a test's own are never those of another recording", async () => {
  const before = await recordStack("link");
  const answered: string[] = [];
  const invokes = {
    "aws:ec2/getVpc:getVpc": ({ tags }: Record<string, any>) => {
      answered.push(tags.Name);
      return { id: "vpc-1" };
    },
  };
  const own = await recordStack("link", BASE_SETTINGS, invokes);
  expect(own).not.toBe(before);
  expect(answered).toHaveLength(2);
  expect(await recordStack("link")).toBe(before);
});
