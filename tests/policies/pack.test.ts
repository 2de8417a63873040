/** The pack as a whole: nothing forgotten, nothing without a test. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Rule } from "../../policies/rule.js";
import { RULES } from "../../policies/rules.js";

const FILES = readdirSync("policies/rules");
const exported = await Promise.all(
  FILES.map(async (file) => Object.entries(await import(`../../policies/rules/${file}`)) as [string, Rule][]),
).then((lists) => lists.flat());

test("every rule that is written is in the pack, once", () => {
  expect(exported.map(([, { name }]) => name).sort()).toEqual(RULES.map(({ name }) => name).sort());
  expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
});

test.each(exported)("%s has its own tests", (constant) => {
  const tests = readdirSync("tests/policies").map((file) => readFileSync(`tests/policies/${file}`, "utf8"));
  const judged = new RegExp(`(describeRule|violationsOf)\\((\\w+\\.)?${constant}\\b`);
  expect(tests.some((text) => judged.test(text))).toBe(true);
});

test.each(RULES)("$name says what holds, how grave it is and by which standard", (rule) => {
  expect(rule.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)+$/);
  expect(rule.description).toMatch(/^[A-Z].*\.$/);
  expect(rule.reference.url).toMatch(/^https:\/\/\S+$/);
  expect(rule.types.length).toBeGreaterThan(0);
  // What the engine reads.
  expect(rule).toMatchObject({
    enforcementLevel: rule.level,
    severity: rule.severity,
    url: rule.reference.url,
  });
});

test("only what is neither security nor data, or needs a second account, is advisory", () => {
  const advisory = RULES.filter(({ level }) => level === "advisory").map(({ name }) => name);
  expect(advisory).toEqual([
    "s3-vault-copied-elsewhere",
    "s3-lifecycle",
    "groups-span-zones",
    "log-retention-set",
  ]);
});
