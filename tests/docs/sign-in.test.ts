/** The way in while the home region and us-east-1 are gone names no endpoint of either. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { fixtureSettings } from "../support/fixtures.js";

const page = readFileSync("docs/sign-in.md", "utf8");
const title = "## The home region and us-east-1 are gone";
const way = page.slice(page.indexOf(title) + title.length, page.indexOf("## Rehearse"));
const commands = /```sh\n([\s\S]*?)```/.exec(way)?.[1] ?? "";
const urls = [...way.matchAll(/https:\/\/[^\s`/)]+/g)].map(([url]) => url);
const { home, recovery } = contractOf(
  parseSharedSettings("global", await fixtureSettings("global")),
  "123456789012",
);

test("every address is one of the recovery region", () => {
  expect(urls.length).toBeGreaterThan(4);
  for (const url of urls) expect(url).toContain(recovery.region);
});

test("every call of the AWS command line names the recovery region, and STS by its address", () => {
  const calls = commands
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.startsWith("aws "));
  expect(calls.length).toBe(2);
  for (const call of calls) {
    expect(call).toContain(`--region ${recovery.region}`);
    expect(call).toContain(`--endpoint-url https://sts.${recovery.region}.amazonaws.com`);
  }
});

test("no command names a dead region", () => {
  expect(commands).not.toContain("us-east-1");
  expect(commands).not.toContain(home.region);
});
