import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { identitiesIn, open, recipientOf, seal } from "../../escrow/sealed.js";
import { ageFolder } from "./age-tool.js";
import { CONTENTS } from "./contents.js";

const tools = await ageFolder();
// CI has Go; a laptop may not.
if (!tools && process.env.CI)
  throw new Error("CI needs `age` or Go, to have age's own tool judge the escrow");
if (!tools)
  console.warn("NOT RUN: age's own tool against the escrow. It needs `age` (apt-get install age) or Go.");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dr-age-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const age = (...args: string[]) => execa(join(tools as string, "age"), args, { cwd: folder });

/** A pair that age's own tool made. */
async function pair(name: string) {
  await execa(join(tools as string, "age-keygen"), ["-o", name], { cwd: folder });
  const [identity] = identitiesIn(await readFile(join(folder, name), "utf8")) as [string];
  return { file: name, identity, recipient: await recipientOf(identity) };
}

test.runIf(tools)("age's own tool names the same public key for a secret one", async () => {
  const { file, recipient } = await pair("names.txt");
  const { stdout } = await execa(join(tools as string, "age-keygen"), ["-y", file], { cwd: folder });
  expect(recipient).toBe(stdout);
});

test.runIf(tools)(
  "age's own tool opens what we seal, for each recipient, and a person can read it",
  async () => {
    const pairs = [await pair("one.txt"), await pair("two.txt")];
    await writeFile(
      join(folder, "escrow.age"),
      await seal(
        CONTENTS,
        pairs.map(({ recipient }) => recipient),
      ),
    );
    for (const { file } of pairs) {
      const { stdout } = await age("--decrypt", "-i", file, "escrow.age");
      expect(parse(stdout)).toMatchObject(CONTENTS);
      // What a person does without this project: read the first line, copy the passphrase.
      expect(stdout).toMatch(/^readme: \|\n {2}How to restore/);
      expect(stdout).toContain(`\npassphrase: ${CONTENTS.passphrase}\n`);
    }
  },
);

test.runIf(tools)("age's own tool refuses what we seal to somebody else", async () => {
  const [ours, other] = [await pair("ours.txt"), await pair("other.txt")];
  await writeFile(join(folder, "foreign.age"), await seal(CONTENTS, [ours.recipient]));
  await expect(age("--decrypt", "-i", other.file, "foreign.age")).rejects.toThrow("no identity matched");
});

test.runIf(tools).each([
  ["binary", []],
  ["armored", ["--armor"]],
])("we open what age's own tool seals, %s", async (form, flags) => {
  const { file, identity, recipient } = await pair(`${form}.txt`);
  await writeFile(join(folder, "mine.age"), await seal(CONTENTS, [recipient]));
  const { stdout } = await age("--decrypt", "-i", file, "mine.age");
  await writeFile(join(folder, "plain"), stdout);
  await age("--encrypt", ...flags, "-r", recipient, "-o", `${form}.age`, "plain");
  const opened = await open(await readFile(join(folder, `${form}.age`)), [identity]);
  expect(opened).toMatchObject(CONTENTS);
});
