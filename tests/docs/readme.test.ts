import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPO } from "../../common/paths.js";

const read = (file: string) => readFileSync(join(REPO, file), "utf8");

/** Everything counts: code, tables, link targets. A word has a letter or a digit. */
const words = (text: string): number => text.split(/\s+/).filter((word) => /[\p{L}\d]/u.test(word)).length;

test("the README fits the first ten minutes: at most 900 words", () => {
  expect(words("| a | `b c` | - |")).toBe(3);
  expect(words(read("README.md"))).toBeLessThanOrEqual(900);
});

/** As GitHub makes them. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replace(/[^\p{L}\d\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

const PAGES = [
  "README.md",
  ...readdirSync(join(REPO, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

test.each(PAGES)("links of %s into a page name one of its headings", (page) => {
  const folder = page.includes("/") ? "docs" : ".";
  for (const [, target = "", anchor = ""] of read(page).matchAll(/\]\(([^)#\s:]*)#([^)\s]+)\)/g)) {
    const file = target === "" ? page : join(folder, target);
    expect(anchorsOf(read(file)), `${page} links to ${file}#${anchor}`).toContain(anchor);
  }
});

test("the index names every page of docs/", () => {
  const index = read("docs/README.md");
  const how = readdirSync(join(REPO, "docs/how-to")).map((file) => `how-to/${file}`);
  const pages = [...PAGES.map((page) => page.replace(/^docs\//, "")), ...how];
  const missing = pages.filter((page) => page !== "README.md" && !index.includes(`(${page})`));
  expect(missing).toEqual([]);
});

test("diagrams in text fit 80 columns", () => {
  const [, diagram = ""] = /```\n([\s\S]*?)```/.exec(read("docs/promotion.md")) ?? [];
  expect(diagram).toContain("claim table");
  for (const line of diagram.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
});

test("the architecture picture needs no CSS variables", () => {
  expect(existsSync(join(REPO, "docs/architecture.svg"))).toBe(true);
  expect(read("docs/architecture.svg")).not.toContain("var(");
});
