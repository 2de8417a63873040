/**
 * Evaluates IAM policies as AWS documents it: an explicit denial wins, otherwise one statement must allow, in
 * the role's own policy *and* in its boundary. It knows the operators that the program uses and refuses others.
 */

export interface Request {
  readonly action: string;
  readonly resource: string;
  /** Condition keys of the request; a list for keys with several values. A key left out isn't there. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
  /** Who asks, for policies with principals: `*` in a policy matches all. */
  readonly principal?: string;
}

type Json = Record<string, any>;

/** @param documents JSON texts: each must allow (policy, boundary) and none deny. */
export const allows = (request: Request, ...documents: readonly string[]): boolean =>
  documents.every((document) => decide(request, document) === "allow") &&
  documents.every((document) => decide(request, document) !== "deny");

/** What one document says: a resource's policy alone, for instance. */
export function decide(request: Request, document: string): "allow" | "deny" | "nothing" {
  const applying = (JSON.parse(document).Statement as Json[]).filter((statement) =>
    applies(statement, request),
  );
  if (applying.some(({ Effect }) => Effect === "Deny")) return "deny";
  return applying.length > 0 ? "allow" : "nothing";
}

/** The statement with this Sid. @throws when there is none. */
export function statement(document: string, sid: string): Json {
  const found = (JSON.parse(document).Statement as Json[]).find(({ Sid }) => Sid === sid);
  if (!found) throw new Error(`no statement '${sid}' in ${document}`);
  return found;
}

function applies(statement: Json, { action, resource, context = {}, principal }: Request): boolean {
  if (statement.NotAction || statement.NotResource || statement.NotPrincipal)
    throw new Error("the evaluator doesn't know Not… elements");
  return (
    many(statement.Action).some((pattern) => like(pattern.toLowerCase(), action.toLowerCase())) &&
    (statement.Resource === undefined ||
      many(statement.Resource).some((pattern) => like(pattern, resource))) &&
    (statement.Principal === undefined || isPrincipal(statement.Principal, principal)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys as Json).every(([key, wanted]) => holds(operator, context[key], many(wanted))),
    )
  );
}

const isPrincipal = (wanted: string | Json, principal: string | undefined): boolean =>
  wanted === "*" ||
  Object.values(wanted)
    .flatMap(many)
    .some((value) => value === "*" || value === principal);

function holds(operator: string, given: string | readonly string[] | undefined, wanted: string[]): boolean {
  const [quantifier, name] = operator.includes(":") ? operator.split(":") : ["", operator];
  if (name === "Null") return (given === undefined) === (wanted[0] === "true");
  const test = OPERATORS[name as string];
  if (!test) throw new Error(`the evaluator doesn't know the operator ${operator}`);
  const values = given === undefined ? [] : many(given);
  if (quantifier === "ForAllValues") return values.every((value) => test(value, wanted));
  if (quantifier === "ForAnyValue") return values.some((value) => test(value, wanted));
  // A negated comparison with a key that isn't there is true; every other is false.
  if (given === undefined) return (name as string).includes("Not");
  return values.every((value) => test(value, wanted));
}

const OPERATORS: Readonly<Record<string, (value: string, wanted: readonly string[]) => boolean>> = {
  StringEquals: (value, wanted) => wanted.includes(value),
  StringNotEquals: (value, wanted) => !wanted.includes(value),
  StringLike: (value, wanted) => wanted.some((pattern) => like(pattern, value)),
  ArnEquals: (value, wanted) => wanted.some((pattern) => like(pattern, value)),
  ArnLike: (value, wanted) => wanted.some((pattern) => like(pattern, value)),
  Bool: (value, wanted) => wanted.includes(value),
  NumericLessThan: (value, wanted) => wanted.some((bound) => Number(value) < Number(bound)),
};

const like = (pattern: string, value: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replace(/\*/g, ".*")
      .replace(/\?/g, ".")}$`,
  ).test(value);

const many = (value: unknown): string[] => (Array.isArray(value) ? value : [value]) as string[];
