import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../nodes/bin/dr-get-wal", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "get-wal-"));
const program = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), 0o755);
};
// Answers with its own arguments; exits with 1 for a missing file, and with 103 when the vault doesn't answer.
program(
  "pgbackrest",
  '#!/bin/bash\nfor last; do :; done\ncase "$*" in *MISSING*) exit 1;; *000000AA*) exit 103;; esac\necho "$*" > "$last"\n',
);
program("sleep", "#!/bin/bash\n");

/** A.1 up to segment 5, B.2 up to segment 9, A.3; timelines 4 (in B) and 6 exist elsewhere. */
const map = join(folder, "map.json");
writeFileSync(
  map,
  JSON.stringify({
    target: 3,
    timelines: {
      1: { stanza: "A", before: "0000000000000005" },
      2: { stanza: "B", before: "0000000000000009" },
      3: { stanza: "A" },
    },
    newest: 6,
    beyond: { 4: "B" },
    options: ["--pg1-path=/data"],
  }),
);

function run(argv: readonly string[], cwd = folder): { code: number; asked: string } {
  const path = join(folder, "fetched");
  writeFileSync(path, "");
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  try {
    execFileSync("bash", [SCRIPT, ...argv, path], { env, cwd, stdio: "pipe" });
    return { code: 0, asked: readFileSync(path, "utf8") };
  } catch (error) {
    return { code: (error as { status: number }).status, asked: readFileSync(path, "utf8") };
  }
}
const byMap = (file: string) => run(["--map", map, file]);

test("without a map: from the stanza that is named; a vault that is away is the end", () => {
  expect(run(["A", "000000010000000000000003"]).asked).toMatch(
    /^--stanza=A .* archive-get 000000010000000000000003 /,
  );
  expect(run(["A", "MISSING"]).code).toBe(1);
  expect(run(["A", "000000AA0000000000000001"]).code).toBe(1);
});

test("older timelines by the map that came with the data, and the newest from the stanza that is named", () => {
  const data = mkdtempSync(join(tmpdir(), "get-wal-data-"));
  writeFileSync(join(data, "dr-restore-map.json"), readFileSync(map));
  const asked = (file: string) => run(["B", file], data);
  expect(asked("000000010000000000000004").asked).toMatch(/^--stanza=A /);
  expect(asked("000000010000000000000005").code).toBe(1);
  expect(asked("000000030000000000000009").asked).toMatch(/^--stanza=B /);
  expect(asked("00000004.history").asked).toMatch(/^--stanza=B /);
});

describe("by the map", () => {
  test("each timeline from the stanza that holds it", () => {
    expect(byMap("000000010000000000000004").asked).toMatch(/^--stanza=A .*--pg1-path=\/data/);
    expect(byMap("000000020000000000000005").asked).toMatch(/^--stanza=B /);
    expect(byMap("000000030000000000000009").code).toBe(0);
    expect(byMap("00000002.history").asked).toMatch(/^--stanza=B /);
  });

  test("nothing from where a timeline was left, nor of one that is not on the line", () => {
    for (const file of ["000000010000000000000005", "000000010000000100000000", "000000040000000000000001"])
      expect(byMap(file), file).toEqual({ code: 1, asked: "" });
    expect(byMap("00000001.history").asked).toMatch(/^--stanza=A /);
  });

  test("what is not archived is not there", () => {
    expect(byMap("000000030000000000000MISSING").code).toBe(1);
  });

  test("numbers that others have used are taken, gaps between them too", () => {
    expect(byMap("00000004.history").asked).toMatch(/^--stanza=B /);
    expect(byMap("00000005.history")).toEqual({ code: 0, asked: "# taken\n" });
    expect(byMap("00000007.history").code).toBe(1);
  });

  test("a vault that is away ends the restore, for it would be taken for a whole one", () => {
    writeFileSync(map, readFileSync(map, "utf8").replace('"3":', '"170":'));
    expect(byMap("000000AA0000000000000001").code).toBe(126);
  });
});
