import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { REPO } from "../../common/paths.js";

const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "runbooks"].flatMap((at) =>
  at.endsWith(".md")
    ? [at]
    : readdirSync(join(REPO, at), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".md"))
        .map((file) => join(at, file)),
);

test.each(pages)("every link to a file in %s leads somewhere", (page) => {
  const targets = [...readFileSync(join(REPO, page), "utf8").matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(
    ([, target]) => target as string,
  );
  const files = targets.filter((target) => !/^\w+:/.test(target));
  expect(files.filter((file) => !existsSync(join(REPO, dirname(page), file)))).toEqual([]);
});

test("npm scripts and folders that README.md names exist", () => {
  const text = readFileSync(join(REPO, "README.md"), "utf8");
  const { scripts } = JSON.parse(readFileSync(join(REPO, "package.json"), "utf8"));
  const named = [...text.matchAll(/^npm (?:run )?(\w+)/gm)].map(([, script]) => script as string);
  expect(named.filter((script) => script !== "ci" && !(script in scripts))).toEqual([]);
  const folders = [...text.matchAll(/^\| `(\w+)\/` \|/gm)].map(([, folder]) => folder as string);
  expect(folders.length).toBeGreaterThan(5);
  expect(folders.filter((folder) => !existsSync(join(REPO, folder)))).toEqual([]);
});
