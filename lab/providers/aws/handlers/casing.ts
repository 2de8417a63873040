/** The words of the AWS provider (`daysAfterInitiation`) and those of the AWS API (`DaysAfterInitiation`). */
/** Names that are not simply the other with its first letter changed: `{ id: "ID" }`. */
export type Renames = Readonly<Record<string, string>>;

/** Inputs as the API takes them. Leaves out what is absent. */
export function toAws(value: any, renames: Renames = {}): any {
  return mapKeys(value, (key) => renames[key] ?? key.charAt(0).toUpperCase() + key.slice(1));
}

/** The API's answer as the provider says it. */
export function fromAws(value: any, renames: Renames = {}): any {
  const back = Object.fromEntries(Object.entries(renames).map(([ours, theirs]) => [theirs, ours]));
  return mapKeys(value, (key) => back[key] ?? key.charAt(0).toLowerCase() + key.slice(1));
}

function mapKeys(value: any, rename: (key: string) => string): any {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename));
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  if (value === null || typeof value !== "object") return value ?? undefined;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined && inner !== null)
      .map(([key, inner]) => [rename(key), mapKeys(inner, rename)]),
  );
}

/** The provider takes a policy as text or as an object. */
export const documentText = (policy: unknown): string =>
  typeof policy === "string" ? policy : JSON.stringify(policy);
