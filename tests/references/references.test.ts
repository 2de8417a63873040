import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPO } from "../../common/paths.js";
import { REFERENCES } from "../../references/write.js";

test.each(Object.entries(REFERENCES))("%s is current (npx dr docs regenerates it)", async (file, render) => {
  expect(await readFile(join(REPO, file), "utf8")).toBe(render());
});
