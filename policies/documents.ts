/** Reading IAM policy documents, in whichever of their spellings. */

export interface Statement {
  readonly sid: string;
  readonly allows: boolean;
  readonly actions: readonly string[];
  /** True when the statement names what it does *not* apply to. */
  readonly inverted: boolean;
  readonly resources: readonly string[];
  /** `["*"]` for everybody; otherwise `kind:value`, e.g. `Service:ec2.amazonaws.com`. */
  readonly principals: readonly string[];
  /** Operator, then condition key in lower case, then values. */
  readonly condition: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** @param document JSON text or an object; undefined has no statements. */
export function statementsOf(document: unknown): Statement[] {
  if (document === undefined || document === null || document === "") return [];
  const parsed = (typeof document === "string" ? JSON.parse(document) : document) as {
    Statement?: unknown;
  };
  return many(parsed.Statement).map((raw, i) => {
    const s = raw as Record<string, unknown>;
    return {
      sid: typeof s.Sid === "string" ? s.Sid : `#${i + 1}`,
      allows: s.Effect === "Allow",
      actions: strings(s.Action ?? s.NotAction),
      inverted: s.NotAction !== undefined || s.NotResource !== undefined || s.NotPrincipal !== undefined,
      resources: strings(s.Resource ?? s.NotResource),
      principals: principalsOf(s.Principal ?? s.NotPrincipal),
      condition: conditionOf(s.Condition),
    };
  });
}

/** The values of one condition key, over all operators. */
export const conditionValues = ({ condition }: Statement, key: string): string[] =>
  Object.values(condition).flatMap((keys) => [...(keys[key.toLowerCase()] ?? [])]);

export const isEverybody = ({ principals }: Statement): boolean =>
  principals.some((principal) => principal === "*" || principal === "AWS:*");

function principalsOf(principal: unknown): string[] {
  if (principal === undefined) return [];
  if (typeof principal === "string") return [principal];
  return Object.entries(principal as Record<string, unknown>).flatMap(([kind, values]) =>
    strings(values).map((value) => `${kind}:${value}`),
  );
}

function conditionOf(condition: unknown): Statement["condition"] {
  return Object.fromEntries(
    Object.entries((condition ?? {}) as Record<string, Record<string, unknown>>).map(([operator, keys]) => [
      operator,
      Object.fromEntries(
        Object.entries(keys).map(([key, values]) => [key.toLowerCase(), many(values).map(String)]),
      ),
    ]),
  );
}

const many = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

const strings = (value: unknown): string[] => many(value).map(String);
