import { expect, test } from "vitest";
import { ACCOUNT_ID, recordStack } from "./support/recorder.js";

test("the recorder builds a stack and resolves its outputs", async () => {
  const { resources, outputs, calls } = await recordStack("prod");
  expect(resources.map((r) => r.type)).toContain("pulumi:providers:aws");
  expect(outputs).toMatchObject({ hostname: "eu-west-1.app.example.com" });
  expect(calls.map((c) => c.provider)).toContain("aws-eu-west-1");
  expect(ACCOUNT_ID).toMatch(/^\d{12}$/);
});
