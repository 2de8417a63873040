/** The commands that operators run on machines: no parameter of theirs is read as shell. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  act,
  contentOf,
  DOCUMENT_NAMES,
  definition,
  scriptOf,
  variableOf,
} from "../../nodes/operator-documents.js";

let folder: string;
let planted: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "documents-"));
  planted = join(folder, "planted");
  // The programs of a machine, which do nothing here; what a value adds would be seen.
  for (const program of ["dr-restore", "dr-inspect", "dr-carry-tables", "dr-cut-over", "dr-backup", "node"]) {
    writeFileSync(join(folder, program), "#!/bin/sh\nexit 0\n");
    chmodSync(join(folder, program), 0o755);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const hostile = () => [
  `$(touch ${planted})`,
  `\`touch ${planted}\``,
  `'; touch ${planted}; '`,
  `"; touch ${planted}; "`,
  `x\ntouch ${planted}\n`,
  `x & touch ${planted}`,
  `\${IFS}$(touch ${planted})`,
  `DR_END_OF_SCRIPT\ntouch ${planted}`,
  `{{ssm:/secret}}`,
];

const withParameters = DOCUMENT_NAMES.filter((name) => definition(name).parameters);

describe.each(withParameters)("%s", (name) => {
  const parameters = Object.keys(definition(name).parameters ?? {});

  test("refuses values that aren't what it is about", () => {
    for (const parameter of parameters)
      for (const value of hostile()) {
        const pattern = new RegExp(JSON.parse(contentOf(name)).parameters[parameter].allowedPattern);
        expect(pattern.test(value), `${parameter}: ${value}`).toBe(false);
      }
  });

  test("runs nothing of a value even where no pattern is checked", () => {
    // Jobs that go on in the background write below the machine's own folders, which aren't here.
    for (const value of hostile()) {
      const values = Object.fromEntries(parameters.map((parameter) => [variableOf(parameter), value]));
      try {
        execFileSync("bash", ["-c", scriptOf(name)], {
          env: { PATH: `${folder}:${process.env.PATH}`, ...values },
          stdio: "ignore",
          timeout: 10_000,
        });
      } catch {
        // A command that refuses the value is what should happen.
      }
      expect(existsSync(planted), value).toBe(false);
    }
  });

  test("gets its parameters as variables, never in the text", () => {
    const { parameters: declared, mainSteps } = JSON.parse(contentOf(name));
    for (const parameter of parameters) expect(declared[parameter].interpolationType).toBe("ENV_VAR");
    expect(JSON.stringify(mainSteps)).not.toContain("{{");
  });
});

test("a value that its pattern doesn't match is an error before anything is sent", () => {
  expect(() => act("live-rows", { database: "app", table: "public.x; DROP TABLE y" })).toThrow(
    "It must match",
  );
  expect(act("live-rows", { database: "app", table: "public.x" }).parameters).toEqual({
    database: "app",
    table: "public.x",
  });
});
