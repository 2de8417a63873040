import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { DRILLS, findDrills } from "../../drills/catalogue.js";

test("the catalogue lists every drill's file, under its name", () => {
  const files = readdirSync("drills/node").map((file) => file.replace(/\.ts$/, ""));
  expect(DRILLS.map(({ name }) => name).toSorted()).toEqual(files.toSorted());
});

test.each(DRILLS)("$name says which runbook it runs, in a file that exists", ({ runbook }) => {
  expect(existsSync(`runbooks/${runbook}`)).toBe(true);
});

test("finds by name, each once, and all of them", () => {
  expect(findDrills(["planned-switchover", "planned-switchover"]).map(({ name }) => name)).toEqual([
    "planned-switchover",
  ]);
  expect(findDrills(["all"])).toBe(DRILLS);
});

test.each([
  ["leader-kiled", "etcd-leader-killed, leader-process-killed"],
  ["leader-proces-kiled", "leader-process-killed"],
  ["switchover", "planned-switchover"],
  ["asynchronous", "control-asynchronous"],
])("an unknown name is one error with the nearest first: %s", (name, nearest) => {
  expect(() => findDrills([name])).toThrow(`no drill '${name}'\n  The nearest: ${nearest}`);
});
