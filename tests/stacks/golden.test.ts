/**
 * The whole inventory of each stack as a file. A change of the architecture shows as its diff: review that.
 * `npx vitest run --project unit tests/stacks -u` writes them anew.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { REPO } from "../../common/paths.js";
import { readStackFiles } from "../../settings/stack-files.js";
import { STACK_NAMES } from "../../settings/stacks.js";
import { type Recorded, recordStack } from "../support/recorder.js";

/** Mocks see secrets in plain text; no file may. */
const SECRET = /password|secretString|secretBinary|^result$/i;
/** Node files have golden copies of their own; here their change is enough. */
const LONG = /^userData(Base64)?$/;
/** The text of an uploaded runbook is in this repository. */
const TEXT = /^content$/;

test.each(STACK_NAMES)("inventory of %s", async (stack) => {
  const { resources } = await recordStack(stack, await readStackFiles(stack, REPO));
  const inventory = resources.toSorted((a, b) => key(a).localeCompare(key(b), "en")).map(entry);
  await expect(stringify(inventory, { lineWidth: 0, aliasDuplicateObjects: false })).toMatchFileSnapshot(
    `../golden/${stack}.yaml`,
  );
});

test.each(STACK_NAMES)("every resource of %s has an explicit provider", async (stack) => {
  const { resources } = await recordStack(stack, await readStackFiles(stack, REPO));
  const stray = resources.filter(
    ({ custom, type, provider }) => custom && !type.startsWith("pulumi:") && provider === "",
  );
  expect(stray.map(({ name }) => name)).toEqual([]);
});

const key = ({ type, name }: Recorded): string => `${name} ${type}`;

function entry({ type, name, inputs, provider, region, protect, retainOnDelete, custom }: Recorded) {
  return {
    [name]: {
      type,
      ...(custom ? { provider: provider || undefined, region } : {}),
      ...(protect ? { protect } : {}),
      ...(retainOnDelete ? { retainOnDelete } : {}),
      ...(Object.keys(inputs).length > 0 ? { inputs: redact(inputs) } : {}),
    },
  };
}

function redact(value: unknown, name = ""): unknown {
  if (SECRET.test(name)) return "[secret]";
  if (TEXT.test(name)) return "[text]";
  if (typeof value === "string") {
    if (LONG.test(name)) return `sha256 ${createHash("sha256").update(value).digest("hex").slice(0, 16)}`;
    return unfold(value);
  }
  if (Array.isArray(value)) return value.map((item) => redact(item));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redact(inner, key)]));
  }
  return value;
}

/** Policies are JSON text; written out, their diff can be read. */
function unfold(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
