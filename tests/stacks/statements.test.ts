/** Every statement of every policy that the stacks declare says each thing once. */
import { beforeAll, expect, test } from "vitest";
import { STACK_NAMES } from "../../settings/stacks.js";
import { COPY_SETTINGS, recordStack } from "../support/recorder.js";

type Json = Record<string, unknown>;

/** With all that adds statements. */
const EVERYTHING = {
  ...COPY_SETTINGS,
  pipeline: { repository: "example/disaster-recovery", repositoryId: 456789 },
  images: { build: true },
  application: { war: "s3://releases/shop/1.2.war" },
};

interface Statement {
  readonly policy: string;
  readonly statement: Json;
}
let statements: Statement[];
beforeAll(async () => {
  statements = [];
  for (const stack of STACK_NAMES) {
    const { resources } = await recordStack(stack, EVERYTHING);
    for (const { name, inputs } of resources)
      for (const statement of statementsIn(inputs))
        statements.push({ policy: `${stack} ${name}`, statement });
  }
}, 180_000);

/** The statements of every policy document in some inputs, however deep: most documents are JSON text. */
function* statementsIn(value: unknown): Generator<Json> {
  if (typeof value === "string" && /^\{.*"Statement":/s.test(value)) yield* statementsIn(JSON.parse(value));
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "Statement") yield* [inner].flat() as Json[];
    else yield* statementsIn(inner);
  }
}

const many = (value: unknown): string[] => (value === undefined ? [] : ([value].flat() as string[]));
const like = (pattern: string, value: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    "i",
  ).test(value);

/** Patterns of a list that another one of it already covers. */
const covered = (patterns: readonly string[]): string[] =>
  patterns.filter((one, i) =>
    patterns.some((other, j) => i !== j && like(other, one) && (one !== other || j < i)),
  );

test.each(["Action", "NotAction", "Resource", "NotResource"])("no %s is in a statement twice", (key) => {
  const twice = statements.flatMap(({ policy, statement }) =>
    covered(many(statement[key])).map((one) => `${policy} ${statement.Sid}: ${one}`),
  );
  expect(statements.length).toBeGreaterThan(100);
  expect(twice).toEqual([]);
});

test("no two statements of a policy allow the same action on the same resources under the same conditions", () => {
  const rest = ({ Sid: _, Action: __, ...statement }: Json) => JSON.stringify(statement);
  const twice = statements.flatMap(({ policy, statement }, i) =>
    statements.slice(0, i).flatMap(({ policy: before, statement: first }) => {
      if (policy !== before || rest(first) !== rest(statement)) return [];
      const actions = many(statement.Action).filter((one) =>
        many(first.Action).some((other) => like(other, one)),
      );
      return actions.map((action) => `${policy} ${first.Sid} and ${statement.Sid}: ${action}`);
    }),
  );
  expect(twice).toEqual([]);
});
