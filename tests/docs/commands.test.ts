/** Commands that pages quote: the scripts exist, and what `npm test --` chooses has tests. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPO } from "../../common/paths.js";

const TRACKED = execFileSync("git", ["ls-files"], { cwd: REPO, encoding: "utf8" }).split("\n");
const PAGES = TRACKED.filter((file) => file.endsWith(".md") && existsSync(join(REPO, file)));
const TESTS = TRACKED.filter((file) => file.endsWith(".test.ts"));

const read = (file: string) => readFileSync(join(REPO, file), "utf8");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

const quoted = (pattern: RegExp): (readonly [string, string])[] =>
  PAGES.flatMap((page) =>
    [...read(page).matchAll(pattern)].map(([, found = ""]) => [page, found.trim()] as const),
  );

test.each(quoted(/npm run (?:-s |--silent )?([\w:-]+)/g))("%s: npm run %s", (_, script) => {
  expect(Object.keys(scripts)).toContain(script);
});

test.each(quoted(/npm test -- ([^`\n#]+)/g))("%s: npm test -- %s", (_, chosen) => {
  for (const path of chosen.split(/\s+/).filter((part) => !part.startsWith("-"))) {
    expect(
      TESTS.filter((file) => file.startsWith(path)),
      path,
    ).not.toEqual([]);
  }
});

// A project that lacks the chosen files runs fewer tests than the page says; vitest itself needs the right Node.
test.each(PAGES)("%s starts tests by npm", (page) => {
  expect(read(page)).not.toMatch(/npx vitest (?!tests\/)/);
});
