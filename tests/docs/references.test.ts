import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REFERENCES } from "../../docs/references.js";
import { REPO } from "../../sandbox/paths.js";

test.each(Object.entries(REFERENCES))("%s is current (npx dr docs writes it anew)", async (file, render) => {
  expect(await readFile(join(REPO, file), "utf8")).toBe(render());
});
