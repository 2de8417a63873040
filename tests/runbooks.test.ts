import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RUNBOOKS } from "../components/alarms/runbooks.js";

const FILES = readdirSync("runbooks").filter((file) => file.endsWith(".md"));
const EVENTS = FILES.filter((file) => file !== "README.md");
const read = (file: string) => readFileSync(`runbooks/${file}`, "utf8");
const STEP = /^\d+\. /m;

test("the index names every runbook, and alarms name only existing ones", () => {
  for (const file of EVENTS) expect(read("README.md"), file).toContain(`(${file})`);
  expect(EVENTS).toEqual(expect.arrayContaining(Object.values(RUNBOOKS)));
});

describe.each(FILES)("%s", (file) => {
  test("links to what exists and fits two screens; the index may grow by a few lines", () => {
    for (const [, target] of read(file).matchAll(/\]\(([^)#]+\.md)\)/g)) {
      expect(existsSync(`runbooks/${target}`), `${file} links to ${target}`).toBe(true);
    }
    expect(read(file).split("\n").length).toBeLessThanOrEqual(file === "README.md" ? 105 : 81);
  });
});

describe.each(EVENTS)("%s", (file) => {
  test("says when, what it means, how to see it, what to do, and how to know that it worked", () => {
    const text = read(file);
    let from = 0;
    for (const part of [
      "# ",
      "**When.**",
      "**Impact.**",
      "## Detect",
      "## Steps",
      "## Verify",
      "## Afterwards",
    ]) {
      const at = text.indexOf(part, from);
      expect(at, `${file} lacks '${part}' in its place`).toBeGreaterThanOrEqual(from);
      from = at;
    }
  });

  test("gives a way back for each step", () => {
    const text = read(file);
    const steps = text.slice(text.indexOf("## Steps"), text.indexOf("## Verify")).split(STEP).slice(1);
    expect(steps.length).toBeGreaterThan(2);
    for (const step of steps) expect(step, file).toContain("*Way back:*");
  });
});

/** All of the guard's source, in which a sentence is a string or a template. */
const guard = readdirSync("nodes/guard", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(join("nodes/guard", file), "utf8"))
  .join("\n");

test("the runbook quotes what the guards wait for as they say it", () => {
  const quoted = [...read("unplanned-region-failover.md").matchAll(/^ {3}- `([^`]+)`/gm)].map(
    ([, text]) => text as string,
  );
  expect(quoted.length).toBeGreaterThanOrEqual(6);
  for (const text of quoted) {
    // `…` and `<node>` vary: they are `${…}` in the source, or the beginning of the sentence.
    const parts = text.split(/…|<[a-z]+>/).filter((part) => part.trim());
    const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\$\\{[^`]*\\}");
    expect(new RegExp(pattern).test(guard), `no guard says '${text}'`).toBe(true);
  }
});
