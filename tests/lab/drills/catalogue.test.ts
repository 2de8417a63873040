import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import {
  ALL_DRILLS,
  BACKUP_DRILLS,
  DRILLS,
  findDrills,
  isNightly,
  REGION_DRILLS,
} from "../../../lab/drills/catalogue.js";

test.each([
  ["lab/drills/node", DRILLS],
  ["lab/drills/region", REGION_DRILLS],
  ["lab/drills/backup", BACKUP_DRILLS],
])("the catalogue lists every drill's file in %s, under its name", (folder, drills) => {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replace(/\.ts$/, ""));
  expect(drills.map(({ name }) => name).toSorted()).toEqual(files.toSorted());
});

test("no two drills have one name: their reports would be one file", () => {
  const names = ALL_DRILLS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test.each(ALL_DRILLS)("$name says which runbook it runs, in a file that exists", ({ runbook }) => {
  expect(existsSync(`runbooks/${runbook}`)).toBe(true);
});

test("finds by name, each once, and all of them", () => {
  expect(findDrills(["planned-switchover", "planned-switchover"]).map(({ name }) => name)).toEqual([
    "planned-switchover",
  ]);
  expect(findDrills(["all"])).toEqual(ALL_DRILLS.filter((drill) => !isNightly(drill)));
  const names = (sets: string[]) =>
    findDrills(sets)
      .map(({ name }) => name)
      .toSorted();
  expect(names(["all", "nightly"])).toEqual(ALL_DRILLS.map(({ name }) => name).toSorted());
  expect(findDrills(["region-dead"])[0]?.kind).toBe("region");
});

test("what every object has is no drill", () => {
  expect(() => findDrills(["constructor"])).toThrow("no drill 'constructor'");
});

test.each([
  ["leader-kiled", "etcd-leader-killed, leader-process-killed"],
  ["leader-proces-kiled", "leader-process-killed"],
  ["switchover", "region-switchover, planned-switchover, region-switchover-ten"],
  ["asynchronous", "control-asynchronous"],
])("an unknown name is one error with the nearest first: %s", (name, nearest) => {
  expect(() => findDrills([name])).toThrow(`no drill '${name}'\n  The nearest: ${nearest}`);
});
