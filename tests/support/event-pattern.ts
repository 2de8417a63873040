/**
 * EventBridge's matching, as far as the watch's patterns use it. `tests/fixtures/event-ruler.json` holds what AWS's own
 * matcher said of the same patterns and records.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every value at a key; an array stands for each of its items, and what isn't there for nothing. */
const valuesAt = (found: readonly unknown[], key: string): unknown[] =>
  found.filter(isObject).flatMap((each) => (key in each ? [each[key]].flat() : []));

function fits(leaf: unknown, value: unknown): boolean {
  if (!isObject(leaf)) return value === leaf;
  if (typeof value !== "string") return false;
  if (typeof leaf.prefix === "string") return value.startsWith(leaf.prefix);
  if (Array.isArray(leaf["anything-but"])) return !leaf["anything-but"].includes(value);
  if (typeof leaf.wildcard === "string") {
    const parts = leaf.wildcard.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`).test(value);
  }
  throw new Error(`unknown leaf ${JSON.stringify(leaf)}`);
}

const isAbsence = (leaf: unknown) => isObject(leaf) && leaf.exists === false;
const isPresence = (leaf: unknown) => isObject(leaf) && leaf.exists === true;

function holds(key: string, wanted: unknown, found: readonly unknown[]): boolean {
  if (key === "$or") return (wanted as unknown[]).some((each) => within(each, found));
  const values = valuesAt(found, key);
  if (!Array.isArray(wanted)) return within(wanted, values);
  return wanted.some((leaf) => {
    if (isAbsence(leaf)) return values.length === 0;
    if (isPresence(leaf)) return values.length > 0;
    return values.some((value) => fits(leaf, value));
  });
}

const within = (pattern: unknown, found: readonly unknown[]): boolean =>
  Object.entries(pattern as object).every(([key, wanted]) => holds(key, wanted, found));

export const matches = (pattern: unknown, event: unknown): boolean => within(pattern, [event]);
