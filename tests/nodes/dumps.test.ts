import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { renderPgbackrest } from "../../nodes/render/pgbackrest.js";
import { contractOf, type DatabaseNode } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { BASE_SETTINGS } from "../support/recorder.js";

const LIBRARY = fileURLToPath(new URL("../../nodes/bin/library", import.meta.url));
/** A function of nodes/bin/library/dr_dumps.py, with its arguments. */
const call = (name: string, ...given: unknown[]) =>
  JSON.parse(
    execFileSync(
      "python3",
      [
        "-c",
        "import json, sys; sys.path.insert(0, sys.argv[1]); import dr_dumps; name, given = json.load(sys.stdin); print(json.dumps(getattr(dr_dumps, name)(*given)))",
        LIBRARY,
      ],
      { input: JSON.stringify([name, given]), encoding: "utf8" },
    ),
  );

test("a dump is whole when its last file is there", () => {
  const files = ["20260308T010000Z", "20260301T010000Z"].flatMap((name) => [name, `${name}/app.dump.enc`]);
  expect(call("whole", [...files, "20260301T010000Z/done.json", "elsewhere/done.json"])).toEqual([
    "20260301T010000Z",
  ]);
});

test("each region's dumps are beside its repository, as pgbackrest.conf names it", () => {
  const settings = parseSharedSettings("global", BASE_SETTINGS);
  const contract = contractOf(settings, "123456789012");
  const text = renderPgbackrest(settings, contract, contract.home.databaseNodes[0] as DatabaseNode);
  const config = Object.fromEntries(
    text.split("\n\n").map((section) => {
      const [head, ...lines] = section.trim().split("\n");
      return [head?.slice(1, -1), Object.fromEntries(lines.map((line) => line.split("=")))];
    }),
  );
  const bucket = "s3://drs-vault-123456789012-eu-west-1";
  expect(call("place_in", config, "drs-eu-west-1")).toBe(`${bucket}/eu-west-1/dump`);
  expect(call("place_in", config, "drs-eu-central-1")).toBe(`${bucket}/eu-central-1/dump`);
});

test("a database of any name gets its own file", () => {
  expect(call("file_of", "app")).toBe("app.dump.enc");
  expect(call("file_of", "we ird/db%")).toBe("we%20ird%2fdb%25.dump.enc");
});

test("what is not as it was dumped", () => {
  const recorded = [
    { schema: "public", name: "orders", rows: 3 },
    { schema: "public", name: "huge", rows: null },
    { schema: "public", name: "gone", rows: null },
    { schema: "public", name: "short", rows: 7 },
  ];
  const found = { "public.orders": 3, "public.huge": null, "public.short": 6 };
  expect(call("counts_differ", recorded, found)).toEqual([
    "public.gone is missing",
    "public.short has 6 rows; the dump counted 7",
  ]);
});
