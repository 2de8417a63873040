/** Turns a stack's raw configuration into frozen, checked settings, or into one error with every problem. */
import { distance } from "fastest-levenshtein";
import type { z } from "zod";
import { type Problem, SettingsError } from "../common/errors.js";
import { SHARED_CHECKS } from "./checks.js";
import { checkRegion } from "./promotion-checks.js";
import { type RegionSettings, regionSchema, type SharedSettings, sharedSchema } from "./schema.js";
import { isRegionStack, type RegionStackName, type StackName } from "./stacks.js";

/** Raw settings: top-level keys without namespace, values as YAML gives them. */
export type RawSettings = Readonly<Record<string, unknown>>;

/** @throws SettingsError with all problems. */
export function parseSharedSettings(stack: StackName, raw: RawSettings): SharedSettings {
  return parse(stack, sharedSchema, raw, (settings) => SHARED_CHECKS.flatMap((c) => c(settings)));
}

/** @throws SettingsError with all problems. */
export function parseRegionSettings(stack: RegionStackName, raw: RawSettings): RegionSettings {
  return parse(stack, regionSchema, raw, (settings) => [
    ...SHARED_CHECKS.flatMap((c) => c(settings)),
    ...checkRegion(stack, settings),
  ]);
}

/** @throws SettingsError with all problems. */
export function parseSettings(stack: StackName, raw: RawSettings): SharedSettings | RegionSettings {
  return isRegionStack(stack) ? parseRegionSettings(stack, raw) : parseSharedSettings(stack, raw);
}

function parse<S extends z.ZodObject>(
  stack: string,
  schema: S,
  raw: RawSettings,
  check: (settings: z.infer<S>) => Problem[],
): z.infer<S> {
  const result = schema.safeParse(raw);
  const problems = result.success
    ? check(result.data)
    : [
        ...result.error.issues.flatMap((issue) => toProblems(issue, raw, schema)),
        ...checkWhatStands(schema, raw, check, result.error),
      ];
  if (problems.length > 0) throw new SettingsError(stack, problems);
  return deepFreeze(result.data as z.infer<S>);
}

/** Stands in for a required key that is bad or missing, so that all other checks can still run. */
const PLACEHOLDERS: RawSettings = {
  domain: "example.com",
  regions: { home: "eu-west-1", recovery: "eu-central-1", witness: "eu-west-3" },
  contacts: [{ severity: "page", protocol: "email", endpoint: "placeholder@example.com" }],
};

/**
 * Cross-checks still run on what is well-formed when some keys are not: bad keys are replaced by their
 * defaults (required ones by a placeholder), and problems that rest on a replaced key are dropped.
 */
function checkWhatStands<S extends z.ZodObject>(
  schema: S,
  raw: RawSettings,
  check: (settings: z.infer<S>) => Problem[],
  error: z.ZodError,
): Problem[] {
  const mended = structuredClone(raw) as Record<string, unknown>;
  const replaced = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
  );
  for (const path of replaced) remove(mended, path);
  const second = schema.safeParse(mended);
  for (const { path } of second.success ? [] : second.error.issues) {
    const key = String(path[0]);
    mended[key] = PLACEHOLDERS[key];
    replaced.push([key]);
  }
  const third = schema.safeParse(mended);
  if (!third.success) return [];
  const names = replaced.map((path) => path.join("."));
  return check(third.data).filter(
    ({ key, reason }) =>
      !names.some((name) => key === name || key.startsWith(`${name}.`) || reason.includes(name)),
  );
}

function remove(target: unknown, path: readonly PropertyKey[]): void {
  const parent = path.slice(0, -1).reduce<unknown>((at, key) => (at as never)?.[key as never], target);
  if (parent && typeof parent === "object")
    delete (parent as Record<PropertyKey, unknown>)[path.at(-1) as PropertyKey];
}

function toProblems(issue: z.core.$ZodIssue, raw: RawSettings, schema: z.ZodObject): Problem[] {
  const at = (path: readonly PropertyKey[]) =>
    path.reduce<unknown>((value, key) => (value as never)?.[key as never], raw);
  const key = issue.path.join(".");
  const value = at(issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((name) => ({
        key: [...issue.path, name].join("."),
        value: at([...issue.path, name]),
        reason: "is not a setting of this stack",
        remedy: suggest(name, knownKeys(schema, issue.path)),
      }));
    case "too_small":
      return [
        {
          key,
          value,
          reason: `is below ${issue.minimum}, the least that is allowed`,
          remedy: `set at least ${issue.minimum}`,
        },
      ];
    case "too_big":
      return [
        {
          key,
          value,
          reason: `is above ${issue.maximum}, the most that is allowed`,
          remedy: `set at most ${issue.maximum}`,
        },
      ];
    case "invalid_value":
      return [
        {
          key,
          value,
          reason: "is not one of the values that are allowed",
          remedy: `use one of ${issue.values.join(", ")}`,
        },
      ];
    case "invalid_type":
      return [
        value === undefined
          ? {
              key,
              value,
              reason: "is required and has no default",
              remedy: "set it (docs/settings.md says what it means)",
            }
          : {
              key,
              value,
              reason: `must be of type ${issue.expected}`,
              remedy: `write it as ${issue.expected}`,
            },
      ];
    case "invalid_format":
      return [{ key, value, reason: issue.message, remedy: "see docs/settings.md" }];
    default:
      return [{ key, value, reason: issue.message, remedy: "see docs/settings.md" }];
  }
}

function knownKeys(schema: z.ZodObject, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const key of path) at = (unwrap(at) as { shape?: Record<PropertyKey, unknown> })?.shape?.[key];
  return Object.keys((unwrap(at) as { shape?: object })?.shape ?? {});
}

function unwrap(schema: unknown): unknown {
  let at = schema as { def?: { innerType?: unknown } } | undefined;
  while (at?.def?.innerType) at = at.def.innerType as typeof at;
  return at;
}

function suggest(name: string, known: readonly string[]): string {
  const near = known.find(
    (k) =>
      k.toLowerCase() === name.toLowerCase() ||
      k.startsWith(name) ||
      name.startsWith(k) ||
      distance(k, name) <= 2,
  );
  return near ? `did you mean ${near}?` : "remove it (docs/settings.md lists every setting)";
}

function deepFreeze<T>(value: T): T {
  if (value && typeof value === "object") {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
