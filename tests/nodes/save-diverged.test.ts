import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const script = readFileSync(new URL("../../nodes/bin/dr-save-diverged", import.meta.url), "utf8");
const module = join(mkdtempSync(join(tmpdir(), "save-diverged-")), "save_diverged.py");
writeFileSync(module, script);

/** The script's own calculation of where two logs part: histories as PostgreSQL has them, and each log's timeline. */
function parting(own: string, timeline: number, theirs: string, theirTimeline: number): string | null {
  const program = `
import json, runpy, sys
m = runpy.run_path(sys.argv[1])
own, a, theirs, b = json.load(sys.stdin)
print(json.dumps(m["text"](m["parting"]([*m["switches"](own), (a, None)], [*m["switches"](theirs), (b, None)]))))`;
  const input = JSON.stringify([own, timeline, theirs, theirTimeline]);
  return JSON.parse(execFileSync("python3", ["-c", program, module], { input, encoding: "utf8" }));
}

const UP_TO_3 = "1\t0/5000000\tno recovery target specified\n2\t1/A0\tno recovery target specified\n";

test("where the other was promoted", () => {
  expect(parting("", 1, "1\t0/3000060\tno recovery target specified\n", 2)).toBe("0/3000060");
  expect(parting(UP_TO_3, 3, `${UP_TO_3}3\t1/B374D848\tbefore\n`, 4)).toBe("1/B374D848");
});

test("where this one had a failover of its own meanwhile, to a timeline of the same number", () => {
  expect(parting("1\t0/3000100\tmine\n", 2, "1\t0/3000060\ttheirs\n", 2)).toBe("0/3000060");
  expect(parting("1\t0/3000060\tmine\n", 2, "1\t0/3000100\ttheirs\n", 2)).toBe("0/3000060");
});

test("where nothing tells them apart nobody knows", () => {
  expect(parting(UP_TO_3, 3, UP_TO_3, 3)).toBeNull();
});
