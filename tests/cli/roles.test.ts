/** Each verb names the role for people that it needs. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { program } from "../../cli/program.js";
import { LOCAL_VERBS, ROLE_OF_VERB } from "../../cli/roles.js";

const verbs = (command: Command, path = ""): Map<string, Command> =>
  new Map(
    command.commands.flatMap((verb) => {
      const name = `${path} ${verb.name()}`.trim();
      return verb.commands.length > 0 ? [...verbs(verb, name)] : [[name, verb] as const];
    }),
  );

const all = verbs(program());
const isLocal = (name: string) => LOCAL_VERBS.some((verb) => name === verb || name.startsWith(`${verb} `));

test("every verb needs a role, or calls nothing on AWS", () => {
  const named = [...all.keys()].filter((name) => name in ROLE_OF_VERB);
  expect(named.toSorted()).toEqual(Object.keys(ROLE_OF_VERB).toSorted());
  expect([...all.keys()].filter((name) => !(name in ROLE_OF_VERB) && !isLocal(name))).toEqual([]);
});

test.each(Object.entries(ROLE_OF_VERB))("the help of %s names %s", (name, role) => {
  let text = "";
  const verb = all.get(name) as Command;
  verb.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  verb.outputHelp();
  expect(text).toContain(role === "administrator" ? "an administrator of the account" : `<name>-${role}`);
});

test("docs/access.md has the same table", () => {
  const page = readFileSync("docs/access.md", "utf8");
  for (const [verb, role] of Object.entries(ROLE_OF_VERB)) {
    const row = page.split("\n").find((line) => line.startsWith("|") && line.includes(`\`npx dr ${verb}\``));
    expect(row, verb).toContain(role);
  }
});
