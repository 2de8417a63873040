/**
 * The whole inventory of each stack as a file, for the settings in tests/fixtures. A change of the architecture shows as its
 * diff: review that. `npm test -- tests/stacks/golden.test.ts -u` writes the files; see CONTRIBUTING.md.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { STACK_NAMES, type StackName } from "../../settings/stacks.js";
import { fixtureSettings } from "../support/fixtures.js";
import { BASE_SETTINGS, type Recorded, recordStack } from "../support/recorder.js";

/** Mocks see secrets in plain text; no file may. */
const SECRET = /password|secretString|secretBinary|^result$/i;
/** Node files have separate golden copies; here it is enough to see that they change. */
const LONG = /^userData(Base64)?$/;
/** The text of an uploaded runbook is in this repository. */
const TEXT = /^content$/;

const written = (value: unknown) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

test.each(["copy", "global", "prod", "link"] as const)("inventory of %s", async (stack) => {
  const entries = await inventory(stack);
  await expect(written(entries.map(({ name, entry }) => ({ [name]: entry })))).toMatchFileSnapshot(
    `../golden/${stack}.yaml`,
  );
});

test("dr is prod, with the regions exchanged, but for these", async () => {
  const prod = byName(await inventory("prod"));
  const dr = byName(await inventory("dr", exchangeRegions));
  await expect(written(differences(prod, dr))).toMatchFileSnapshot("../golden/dr-beside-prod.yaml");
});

test.each(STACK_NAMES)("every resource of %s has an explicit provider", async (stack) => {
  const { resources } = await recordStack(stack, await fixtureSettings(stack));
  const stray = resources.filter(
    ({ custom, type, provider }) => custom && !type.startsWith("pulumi:") && provider === "",
  );
  expect(stray.map(({ name }) => name)).toEqual([]);
});

type Rewrite = (text: string) => string;
const unchanged: Rewrite = (text) => text;

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly entry: unknown;
}

async function inventory(stack: StackName, rewrite = unchanged): Promise<Entry[]> {
  const { resources } = await recordStack(stack, await fixtureSettings(stack));
  return resources
    .toSorted((a, b) => key(a).localeCompare(key(b), "en"))
    .map((resource) => ({
      name: rewrite(resource.name),
      type: resource.type,
      entry: entryOf(resource, rewrite),
    }));
}

/** With the type where a component and a resource share a name. */
function byName(entries: readonly Entry[]): Record<string, unknown> {
  const count = (name: string) => entries.filter((entry) => entry.name === name).length;
  return Object.fromEntries(
    entries.map(({ name, type, entry }) => [count(name) === 1 ? name : `${name} (${type})`, entry]),
  );
}

const key = ({ type, name }: Recorded): string => `${name} ${type}`;

function entryOf(
  { type, inputs, provider, region, protect, retainOnDelete, custom }: Recorded,
  rewrite: Rewrite,
) {
  return rewritten(
    {
      type,
      ...(custom ? { provider: provider || undefined, region } : {}),
      ...(protect ? { protect } : {}),
      ...(retainOnDelete ? { retainOnDelete } : {}),
      ...(Object.keys(inputs).length > 0 ? { inputs } : {}),
    },
    rewrite,
  );
}

function rewritten(value: unknown, rewrite: Rewrite, name = ""): unknown {
  if (SECRET.test(name)) return "[secret]";
  if (TEXT.test(name)) return "[text]";
  if (typeof value === "string") {
    if (LONG.test(name)) return digest(value, rewrite);
    return unfold(rewrite(value));
  }
  if (Array.isArray(value)) return value.map((item) => rewritten(item, rewrite));
  if (value && typeof value === "object") {
    const entries = Object.entries(value).map(([key, inner]) => [
      rewrite(key),
      rewritten(inner, rewrite, key),
    ]);
    return Object.fromEntries(entries);
  }
  return value;
}

/** Of user data, which is text in base64. */
function digest(userData: string, rewrite: Rewrite): string {
  const text = Buffer.from(rewrite(Buffer.from(userData, "base64").toString("utf8"))).toString("base64");
  return `sha256 ${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
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

/** Swaps the names and addresses of the two regions, so that texts that differ only by region become equal. */
function exchangeRegions(text: string): string {
  const { home, recovery } = contractOf(parseSharedSettings("global", BASE_SETTINGS), "");
  const forms = ({ region, cidr }: typeof home) => [
    region,
    region.replaceAll("-", "_"),
    cidr.split(".").slice(0, 2).join(".").concat("."),
  ];
  const pairs = forms(home).map((one, i) => [one, forms(recovery)[i] as string] as const);
  const other = new Map(pairs.flatMap(([one, two]) => [[one, two] as const, [two, one] as const]));
  const any = new RegExp([...other.keys()].map((form) => form.replaceAll(".", "\\.")).join("|"), "g");
  return text.replace(any, (form) => other.get(form) as string);
}

/** Every value that differs, by its path; a resource that only one stack has, as a whole. */
function differences(prod: unknown, dr: unknown, path = ""): Record<string, unknown> {
  if (JSON.stringify(prod) === JSON.stringify(dr)) return {};
  if (!isObject(prod) || !isObject(dr)) {
    const sides = { ...(prod === undefined ? {} : { prod }), ...(dr === undefined ? {} : { dr }) };
    return { [path]: sides };
  }
  const keys = new Set([...Object.keys(prod), ...Object.keys(dr)]);
  const inner = [...keys].map((key) => differences(prod[key], dr[key], path ? `${path} › ${key}` : key));
  return Object.assign({}, ...inner);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
