/** What `dr-publish-ages` tells, by the program's own modules. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority, issueLeaf } from "../../authority/authority.js";
import { REPO } from "../../common/paths.js";
import { METRICS } from "../../components/alarms/metrics.js";
import { payloadFiles } from "../../nodes/image/payload.js";

const LIBRARY = join(REPO, "nodes/bin/library");
const NOW = Math.floor(Date.now() / 1000);

/** The value of a Python expression over dr_ages. */
const ask = (expression: string): unknown =>
  JSON.parse(
    execFileSync("python3", ["-c", `import json, dr_ages, dr_metrics; print(json.dumps(${expression}))`], {
      env: { ...process.env, PYTHONPATH: LIBRARY },
      encoding: "utf8",
    }),
  );

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ages-"));
  const authority = await createAuthority("long", 3650);
  const ending = await createAuthority("ending", 40);
  const leaf = await issueLeaf(authority, { name: "db-1", days: 200 });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write("node.crt", leaf.certificate);
  write("authority.crt", authority.certificate);
  write("both.crt", authority.certificate + ending.certificate);
  write("image-built", `${NOW - 3 * 86_400}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("days until the first certificate ends", () => {
  const left = (files: readonly string[], now = NOW) =>
    ask(`dr_ages.days_left(${JSON.stringify(files.map((name) => join(folder, name)))}, ${now})`) as number;

  test("the node's own, where its authority lasts longer", () => {
    expect(left(["node.crt", "authority.crt"])).toBeCloseTo(200, 1);
  });

  test("one of several authorities that the machine trusts", () => {
    expect(left(["node.crt", "both.crt"])).toBeCloseTo(40, 1);
  });

  test("the authority's alone, on a machine without a certificate", () => {
    expect(left(["none.crt", "authority.crt"])).toBeCloseTo(3650, 0);
  });

  test("0 after the end, and nothing without any certificate", () => {
    expect(left(["node.crt"], NOW + 300 * 86_400)).toBe(0);
    expect(left(["none.crt"])).toBeNull();
  });
});

test("an image's age is counted from the time that its build has recorded", () => {
  const since = (name: string) => ask(`dr_ages.days_since("${join(folder, name)}", ${NOW})`);
  expect(since("image-built")).toBe(3);
  expect(since("none")).toBeNull();
});

test("the program names the metrics that the alarms read, and a file that the image's build writes", async () => {
  const program = (await payloadFiles()).find(({ path }) => path.endsWith("/dr-publish-ages"))?.content;
  for (const { name } of [METRICS.certificateDaysLeft, METRICS.imageAgeDays])
    expect(program).toContain(`${name}=`);
  const [, file] = /^IMAGE_BUILT = "(.+)"$/m.exec(program as string) ?? [];
  const built = (await import("node:fs")).readFileSync(join(REPO, "nodes/image/common.sh"), "utf8");
  expect(built).toContain(`date +%s > ${file}`);
});
