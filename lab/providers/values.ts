/** Property values as they cross the provider protocol, and how two of them are compared. */

export type Props = Record<string, any>;

/** What the engine sends, and expects, for a value that a preview can't know yet. Source: Pulumi's `plugin/rpc.go`. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** True when the value, or anything within it, is unknown. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (value && typeof value === "object") return Object.values(value).some(hasUnknown);
  return false;
}

/** Drops what a protobuf Struct can't hold: undefined, and dates other than as text. */
export function plain(value: any): any {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, inner]) => inner !== undefined)
        .map(([key, inner]) => [key, plain(inner)]),
    );
  }
  return value;
}

/** Equality of two property values; JSON documents (policies) are compared by content, not by text. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isAbsent(a) && isAbsent(b)) return true;
  if (typeof a === "string" && typeof b === "string") {
    const [x, y] = [parseDocument(a), parseDocument(b)];
    return x !== undefined && y !== undefined && same(x, y);
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => same(item, b[i]));
  }
  if (a && b && typeof a === "object" && typeof b === "object" && !Array.isArray(a) && !Array.isArray(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => same((a as Props)[key], (b as Props)[key]));
  }
  return false;
}

const isAbsent = (value: unknown) => value === undefined || value === null;

function parseDocument(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What a read found, in the shape the user wrote: AWS fills in defaults within objects, and those are
 * no drift. A value equal to the known one keeps the known one's text.
 */
export function project(found: any, known: any): any {
  if (same(found, known)) return known;
  if (Array.isArray(found) && Array.isArray(known) && found.length === known.length) {
    return found.map((item, i) => project(item, known[i]));
  }
  if (isObject(found) && isObject(known)) {
    return Object.fromEntries(Object.keys(known).map((key) => [key, project(found[key], known[key])]));
  }
  return found;
}

const isObject = (value: unknown): value is Props =>
  !!value && typeof value === "object" && !Array.isArray(value);
