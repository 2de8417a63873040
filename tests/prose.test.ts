/** `npm run lint:prose` in a separate repository: which words it finds, where, and what it leaves alone. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { REPO } from "../common/paths.js";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "prose-"));
  await execa("git", ["init", "--quiet"], { cwd: dir });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Runs the linter on these files; returns its exit code and `file:line "words"` for each hit. */
async function lint(files: Readonly<Record<string, string>>, ...options: string[]) {
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  const linter = join(REPO, ".ci/prose/lint.mjs");
  const { exitCode, stdout } = await execa("node", [linter, ...options], { cwd: dir, reject: false });
  const hits = stdout.split("\n").flatMap((line) => {
    const [, at, words] = /^(\S+:\d+):\d+ {2}"([^"]+)": /.exec(line) ?? [];
    return at ? [`${at} ${words}`] : [];
  });
  return { exitCode, hits, stdout };
}

const FOUND = [
  ["Nobody answers.", "Nobody"],
  ["It is made anew.", "anew"],
  ["Whoever wants it.", "Whoever"],
  ["The rule stands in a file.", "stands in"],
  ["The guard is told the epoch.", "is told"],
  ["It was never asked.", "was never asked"],
  ["The script mends it.", "mends"],
  ["The link healed.", "healed"],
  ["It has a file of its own.", "of its own"],
  ["One reads the other's lease.", "the other's"],
  ["There is but one leader.", "is but one"],
  ["**Bold** or in [a link, nobody](x.md).", "nobody"],
] as const;

test("finds the words to rewrite, where they are", async () => {
  const page = FOUND.map(([text]) => `- ${text}\n`).join("");
  const { exitCode, hits } = await lint({ "page.md": `${page}\nThe queue stood\nstill.\n` });
  expect(hits).toEqual([
    ...FOUND.map(([, words], at) => `page.md:${at + 1} ${words}`),
    "page.md:14 stood still",
  ]);
  expect(exitCode).toBe(1);
});

test("leaves code, and what only looks like them, alone", async () => {
  const page = [
    "The standby leader follows. A self-healing link. It is all but done. It withstands at most two faults.",
    "It stands in for the engine. The file belongs to its own region.",
    "`nobody` is a user, and `const anew = 1` is code.",
    "```\nnobody anew whoever\n```",
  ].join("\n\n");
  const { exitCode, hits } = await lint({ "page.md": page });
  expect({ exitCode, hits }).toEqual({ exitCode: 0, hits: [] });
});

const SOURCE = `/**
 * A rule that stands
 * in a file.
 */
import { anew } from "nobody";
// One line ends with stands
// there. \`nobody\` is code.
export const message = (name: string) => \`\${name}: nobody answers\`;
export const kind = "nobody"; // whoever
export const pattern = /nobody here/;
`;

test("finds them in comments and strings of TypeScript, not in names", async () => {
  const { hits, exitCode } = await lint({ "page.md": "Good.\n", "a.ts": SOURCE }, "--sources");
  expect(hits).toEqual(["a.ts:2 stands in", "a.ts:6 stands there", "a.ts:8 nobody", "a.ts:9 whoever"]);
  expect(exitCode).toBe(1);
});

test("reads scripts as a whole, also those without an extension", async () => {
  const files = {
    "page.md": "Good.\n",
    run: "#!/bin/bash\n# Nobody\n",
    "b.py": '"""Anew."""\n',
    data: "nobody\n",
  };
  const { hits } = await lint(files, "--sources");
  expect(hits).toEqual(["b.py:1 Anew", "run:2 Nobody"]);
});

test("without --sources only Markdown counts; --count gives folders", async () => {
  const { exitCode, stdout } = await lint({ "page.md": "Good.\n", "a.ts": SOURCE }, "--count");
  expect(stdout).toContain("1 files, 0 phrases to rewrite");
  expect(exitCode).toBe(0);
});

test("fails where it finds no file", async () => {
  const { exitCode } = await lint({});
  expect(exitCode).toBe(1);
});
