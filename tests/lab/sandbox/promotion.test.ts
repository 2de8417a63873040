import { expect, test } from "vitest";
import type { Change } from "../../../operations/engine/events.js";
import { assertOnlyCreates } from "../../../operations/promotion/allowed-changes.js";

const ITEM = "aws:dynamodb/tableItem:TableItem";
const change = (operation: string, name: string, type = ITEM, properties: string[] = []): Change => ({
  operation,
  name,
  type,
  urn: name,
  properties,
});
const claim = change("create", "claim-4");
const grown = change("update", "fleet-group", "aws:autoscaling/group:Group", ["minSize"]);

test("the claim, a group that grows and what is superseded are a promotion", () => {
  const superseded = [change("forget", "claim-2"), change("forget", "fenced-2")];
  expect(() => assertOnlyCreates([claim, grown, ...superseded], ["claim-4"])).not.toThrow();
});

test("an override without the flag is refused, and the flag without an override too", () => {
  const fenced = change("create", "fenced-4");
  expect(() => assertOnlyCreates([claim, fenced], ["claim-4"])).toThrow(/must not change:\n.*fenced-4/);
  expect(() => assertOnlyCreates([claim, fenced], ["claim-4", "fenced-4"])).not.toThrow();
  expect(() => assertOnlyCreates([claim], ["claim-4", "fenced-4"])).toThrow(
    /exactly one fenced-4; it creates 0/,
  );
  expect(() => assertOnlyCreates([claim, fenced], ["claim-4", "accept-data-loss-4"])).toThrow();
});

test.each([
  ["another claim", change("create", "claim-6")],
  ["a claim that is changed", change("update", "claim-2", ITEM, ["item"])],
  ["a group that is replaced", change("replace", "fleet-group", "aws:autoscaling/group:Group", ["minSize"])],
  ["a machine's template", change("update", "fleet-template", "aws:ec2/launchTemplate:LaunchTemplate")],
])("%s is refused", (_, stray) => {
  expect(() => assertOnlyCreates([claim, stray], ["claim-4"])).toThrow("must not change");
});
