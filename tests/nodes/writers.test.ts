/**
 * Every file that writes on a database machine, and whose folders it writes to. A program of root must not write under a fixed
 * name in a folder of another user: a link there would lead it to a file of root.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPO } from "../../common/paths.js";

const FOLDERS = [
  "nodes/bin",
  "nodes/bin/verbs",
  "nodes/bin/library",
  "nodes/platform/aws",
  ...guardFolders(),
];

function guardFolders(): string[] {
  return ["", "/leader", "/region", "/shared"].map((folder) => `nodes/guard${folder}`);
}

/** Calls that create, replace, open for writing or give away a file, in TypeScript, Python and shell. */
const WRITES =
  /\b(?:writeFile(?:Sync)?|openSync|createWriteStream|appendFile\w*|mkdirSync|mkdtempSync|copyFile\w*|replaceFile|touchAsPostgres|write_as_postgres|makedirs|TemporaryDirectory|os\.chown|shutil\.chown|shutil\.copy\w*)\(|\bopen\([^)\n]*"[wax]b?"|\b(?:install -|mktemp |chown |chmod |tee |mkdir )/m;
const SHELL_WRITES = /^\s*(?:mv|cp) |[^0-9&>=-]>>? ?["$/]/m;

const ROOT = {
  memory: "root's folder in memory, /run/dr, which no other user can write to",
  volume: "root's folders on the data volume",
  own: "its own temporary folder",
  etc: "root's configuration",
} as const;
const POSTGRES = {
  itself: "runs as postgres",
  asPostgres: "writes as postgres",
  fresh: "only a file that it has just created, and gives away without following a link",
} as const;

const NOWHERE = "/dev/null";

const WRITERS: Readonly<Record<string, readonly string[]>> = {
  "nodes/bin/dr-carry-tables": [ROOT.own],
  "nodes/bin/dr-choose-backup": [POSTGRES.itself],
  "nodes/bin/dr-dump": [ROOT.own],
  "nodes/bin/dr-fetch-application": [ROOT.own],
  "nodes/bin/dr-fetch-certificates": [ROOT.memory],
  "nodes/bin/dr-fetch-secrets": [ROOT.memory],
  "nodes/bin/dr-get-wal": [POSTGRES.itself],
  "nodes/bin/dr-prepare-data": [ROOT.volume, ROOT.etc],
  "nodes/bin/dr-restore": [ROOT.volume, POSTGRES.asPostgres],
  "nodes/bin/dr-restore-dump": [ROOT.own],
  "nodes/bin/dr-restore-from-vault": [POSTGRES.itself],
  "nodes/bin/dr-restore-test": [ROOT.own, ROOT.volume],
  "nodes/bin/dr-verify-report": [ROOT.own],
  "nodes/bin/library/dr_loads.py": [ROOT.own],
  "nodes/bin/library/dr_reports.py": [ROOT.own],
  "nodes/bin/library/dr_scratch.py": [POSTGRES.asPostgres],
  "nodes/bin/library/dr_sessions.py": [NOWHERE],
  "nodes/bin/library/dr_vault.py": [ROOT.own],
  "nodes/bin/verbs/cut-over-node.ts": [ROOT.memory],
  "nodes/bin/verbs/cut-over-steps.ts": [POSTGRES.fresh],
  "nodes/bin/verbs/decode.ts": [ROOT.volume],
  "nodes/bin/verbs/files.ts": [POSTGRES.fresh, POSTGRES.asPostgres],
  "nodes/bin/verbs/flaws.ts": [ROOT.own],
  "nodes/bin/verbs/holes.ts": [ROOT.memory, ROOT.own],
  "nodes/bin/verbs/isolated.ts": [ROOT.memory],
  "nodes/bin/verbs/lock.ts": [ROOT.memory],
  "nodes/bin/verbs/reconcile.ts": [POSTGRES.asPostgres],
  "nodes/bin/verbs/save-diverged.ts": [ROOT.volume],
  "nodes/bin/verbs/saved.ts": [ROOT.volume],
  "nodes/guard/http.ts": [ROOT.memory],
  "nodes/guard/region/keeper.ts": [ROOT.memory],
  "nodes/guard/shared/kernel.ts": [ROOT.memory],
  "nodes/platform/aws/dr-attach-scratch": [ROOT.volume],
  "nodes/platform/aws/dr-attach-volume": [ROOT.volume],
};

test("no program writes that the table doesn't know, and none has stopped writing", () => {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(REPO, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile() && /^dr|\.(ts|py)$/.test(entry.name))
      .map(({ name }) => `${folder}/${name}`),
  );
  const writers = files.filter((file) => {
    const text = readFileSync(join(REPO, file), "utf8");
    return WRITES.test(text) || (text.startsWith("#!/bin/bash") && SHELL_WRITES.test(text));
  });
  expect(writers.toSorted()).toEqual(Object.keys(WRITERS).toSorted());
});

test("a file of root in another user's folder is one that it has just created", async () => {
  const text = readFileSync(join(REPO, "nodes/bin/verbs/files.ts"), "utf8");
  // tests/lab/twin/planted-links.test.ts plants the links.
  expect(text).toContain('"wx"');
  expect(text).toContain("--no-dereference");
});
