import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { REPO } from "../../common/paths.js";
import { endsReport, PARTS, type Part, stateOf } from "../../delivery/ends-of-life.js";
import { ENGINE_VERSION } from "../../lab/sandbox/engine/engine.js";

const part = (over: Partial<Part> = {}): Part => ({
  name: "Database",
  version: "15",
  pinned: { file: "install.sh", text: "database-15" },
  ends: "2027-11-11",
  source: "https://database.example.com/versions",
  ...over,
});

describe("a part", () => {
  test.each([
    ["long before its end", "2026-11-30", "fine"],
    ["a day more than six months before", "2027-05-10", "fine"],
    ["six months before", "2027-05-11", "near"],
    ["on its last day", "2027-11-11", "near"],
    ["the day after", "2027-11-12", "past"],
  ])("%s", (_, today, state) => {
    expect(stateOf(part(), today)).toBe(state);
  });

  test.each([
    ["2027-08-31", "2028-02-29", "near"],
    ["2027-08-31", "2028-03-01", "fine"],
  ])("on %s, six months reach to the end of a shorter month: %s is %s", (today, ends, state) => {
    expect(stateOf({ ends }, today)).toBe(state);
  });

  test("without a date never fails", () => {
    expect(stateOf(part({ ends: undefined }), "2099-01-01")).toBe("undated");
  });
});

describe("the report", () => {
  test("names what ends, where it is pinned, and fails", () => {
    const parts = [part(), part({ name: "Proxy", version: "2.6", ends: "2026-06-30", note: "A note." })];
    expect(endsReport(parts, "2026-11-30")).toEqual({
      failing: true,
      lines: [
        "Database    15       2027-11-11  ok",
        "Proxy       2.6      2026-06-30  PAST ITS END",
        "",
        "Proxy 2.6 has had no fixes since 2026-06-30.",
        "  A note.",
        "  https://database.example.com/versions",
        "  → move to a newer version: install.sh; then update delivery/ends-of-life.ts",
      ],
    });
  });

  test("is quiet and passes where nothing ends", () => {
    expect(endsReport([part(), part({ ends: undefined })], "2026-11-30")).toEqual({
      failing: false,
      lines: ["Database    15       2027-11-11  ok", "Database    15       -           no date"],
    });
  });
});

describe("the table", () => {
  test.each(PARTS.map((entry) => [`${entry.name} ${entry.version}`, entry] as const))(
    "%s is what its file pins",
    async (_, { pinned, ends, source }) => {
      expect(await readFile(join(REPO, pinned.file), "utf8")).toContain(pinned.text);
      if (ends !== undefined) expect(new Date(ends).toISOString().slice(0, 10)).toBe(ends);
      expect(source).toMatch(/^https:/);
    },
  );

  test("has each part once", () => {
    expect(PARTS.map(({ name }) => name)).toEqual([
      ...[
        "Node",
        "Debian",
        "PostgreSQL",
        "etcd",
        "Patroni",
        "pgBackRest",
        "HAProxy",
        "Tomcat",
        "Java",
        "Pulumi",
      ],
    ]);
  });

  test("the engine that the sandbox builds is of the SDK's minor version", () => {
    const version = PARTS.find(({ name }) => name === "Pulumi")?.version;
    expect(ENGINE_VERSION.split(".").slice(0, 2).join(".")).toBe(version);
  });
});

describe("the command", () => {
  const run = (on: string) =>
    execa(process.execPath, ["--import", "tsx", join(REPO, "delivery/check-ends.ts"), "--on", on], {
      cwd: REPO,
      reject: false,
    });

  test("fails past an end", async () => {
    const { exitCode, stdout } = await run("2099-01-01");
    expect(exitCode).toBe(1);
    expect(stdout).toContain("PostgreSQL 15 has had no fixes since 2027-11-11.");
  });

  test("passes on a day long before every end", async () => {
    expect((await run("2020-01-01")).exitCode).toBe(0);
  });

  test("refuses what is no date", async () => {
    expect(await run("tomorrow")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("YYYY-MM-DD"),
    });
  });
});
