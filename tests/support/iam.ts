/**
 * Evaluates IAM policies as AWS documents it, over documents as the program renders them. It refuses every
 * condition operator and element that it doesn't know, so that no policy passes unread.
 *
 * Sources:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 *
 * Left out: service control policies, which are the organisation's; session policies, which nothing here uses.
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
type Decision = "allow" | "deny" | "nothing";

/** @param documents JSON texts: each must allow (policy, boundary) and none deny. */
export const allows = (request: Request, ...documents: readonly string[]): boolean =>
  documents.every((document) => decide(request, document) === "allow") &&
  documents.every((document) => decide(request, document) !== "deny");

/** What one document says: a resource's policy alone, for instance. */
export const decide = (request: Request, document: string): Decision =>
  decisionOf(statementsOf(document).filter((statement) => applies(statement, request)));

/** Who calls: an identity of an account, with everything that limits it. */
export interface Caller {
  /** ARN of the role. */
  readonly role: string;
  /** ARN of the role's session, when a resource's policy may name it. Default: one that no policy names. */
  readonly session?: string;
  /** The role's own policies, inline and attached. */
  readonly policies: readonly string[];
  readonly boundary?: string;
}

/** What is called, with the policy that is attached to it. */
export interface Target {
  /** Account of the resource. */
  readonly accountId: string;
  readonly policy?: string;
  /**
   * `alone`: only the resource's policy gives access, or lets the account's own policies give it: KMS keys, trust in a
   * role. `beside`: it adds to what the account's own policies allow: buckets, tables, topics, secrets.
   */
  readonly rule?: "alone" | "beside";
}

/**
 * - An explicit denial in any document wins.
 * - Within an account a resource's policy that names the session allows alone; one that names the role allows within
 *   the boundary; one that names the account lets the account's own policies decide.
 * - Across accounts both sides must allow.
 */
export function mayCall(request: Omit<Request, "principal">, caller: Caller, target: Target): boolean {
  const account = accountOf(caller.role);
  const context = { "aws:PrincipalArn": caller.role, "aws:PrincipalAccount": account, ...request.context };
  const asked = { ...request, context };
  const names = [caller.session ?? `${caller.role}/some-session`, caller.role, rootOf(account), account];
  const identity = decisionOf(caller.policies.flatMap((text) => applying(text, asked)));
  const ceiling = caller.boundary === undefined ? "allow" : decide(asked, caller.boundary);
  const attached = applying(target.policy, asked, names);
  if ([identity, ceiling, decisionOf(attached)].includes("deny")) return false;

  const byOwnPolicies = identity === "allow" && ceiling === "allow";
  if (account !== target.accountId) return attached.length > 0 && byOwnPolicies;
  const namesAnyOf = (...wanted: string[]) =>
    attached.some(({ Principal }) => wanted.some((name) => isPrincipal(Principal, name)));
  if (namesAnyOf(names[0] as string)) return true;
  if (namesAnyOf(caller.role)) return ceiling === "allow";
  return byOwnPolicies && (target.rule !== "alone" || attached.length > 0);
}

/** The statement with this Sid. @throws when there is none. */
export function statement(document: string, sid: string): Json {
  const found = statementsOf(document).find(({ Sid }) => Sid === sid);
  if (!found) throw new Error(`no statement '${sid}' in ${document}`);
  return found;
}

/** Parsed once: a table of cells asks the same documents thousands of times. */
const parsed = new Map<string, Json[]>();
export function statementsOf(document: string): Json[] {
  const statements = parsed.get(document) ?? [JSON.parse(document).Statement].flat();
  parsed.set(document, statements);
  return statements;
}

/** Whether all that one pattern of an action or a resource can match, another one matches too. */
export const covers = (pattern: string, narrower: string): boolean => like(pattern, narrower);

const rootOf = (account: string) => `arn:aws:iam::${account}:root`;
const accountOf = (arn: string): string => arn.split(":")[4] as string;

const decisionOf = (statements: readonly Json[]): Decision => {
  if (statements.some(({ Effect }) => Effect === "Deny")) return "deny";
  return statements.length > 0 ? "allow" : "nothing";
};

/** The statements of a document that apply to a request by any of these principals. */
function applying(document: string | undefined, request: Request, principals?: readonly string[]): Json[] {
  if (document === undefined) return [];
  const asked = principals ? principals.map((principal) => ({ ...request, principal })) : [request];
  return statementsOf(document).filter((one) => asked.some((request) => applies(one, request)));
}

const ELEMENTS = new Set([
  "Action",
  "Condition",
  "Effect",
  "NotAction",
  "NotResource",
  "Principal",
  "Resource",
  "Sid",
]);

function applies(statement: Json, { action, resource, context = {}, principal }: Request): boolean {
  for (const element of Object.keys(statement))
    if (!ELEMENTS.has(element)) throw new Error(`the evaluator doesn't know the element ${element}`);
  const isAction = (patterns: unknown) =>
    many(patterns).some((pattern) => like(pattern.toLowerCase(), action.toLowerCase()));
  const isResource = (patterns: unknown) => many(patterns).some((pattern) => like(pattern, resource));
  return (
    (statement.NotAction === undefined ? isAction(statement.Action) : !isAction(statement.NotAction)) &&
    (statement.Resource === undefined || isResource(statement.Resource)) &&
    (statement.NotResource === undefined || !isResource(statement.NotResource)) &&
    (statement.Principal === undefined || isPrincipal(statement.Principal, principal)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys as Json).every(([key, wanted]) =>
        holds(
          operator,
          givenFor(context, key),
          many(wanted).map((value) => withVariables(value, context)),
        ),
      ),
    )
  );
}

/** Names of condition keys are case-insensitive. */
const givenFor = (context: NonNullable<Request["context"]>, key: string) =>
  Object.entries(context).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1];

/** A policy variable that the request doesn't have matches nothing. */
const withVariables = (value: string, context: NonNullable<Request["context"]>): string =>
  value.replaceAll(/\$\{([^}]+)\}/g, (variable, key: string) => String(givenFor(context, key) ?? variable));

const isPrincipal = (wanted: string | Json, principal: string | undefined): boolean =>
  wanted === "*" ||
  Object.values(wanted)
    .flatMap(many)
    .some((value) => value === "*" || value === principal);

function holds(operator: string, given: string | readonly string[] | undefined, wanted: string[]): boolean {
  const [quantifier, rest] = operator.includes(":")
    ? (operator.split(":") as [string, string])
    : ["", operator];
  if (rest === "Null") return (given === undefined) === (wanted[0] === "true");
  const name = rest.replace(/IfExists$/, "");
  const test = OPERATORS[name];
  if (!test || !["", "ForAllValues", "ForAnyValue"].includes(quantifier))
    throw new Error(`the evaluator doesn't know the operator ${operator}`);
  if (given === undefined && name !== rest) return true;
  const values = given === undefined ? [] : many(given);
  if (quantifier === "ForAllValues") return values.every((value) => test(value, wanted));
  if (quantifier === "ForAnyValue") return values.some((value) => test(value, wanted));
  // A negated comparison with a key that isn't there is true; every other is false.
  if (given === undefined) return name.includes("Not");
  return values.every((value) => test(value, wanted));
}

const isOne = (value: string, wanted: readonly string[]) => wanted.includes(value);
const isLikeOne = (value: string, wanted: readonly string[]) =>
  wanted.some((pattern) => like(pattern, value));

const OPERATORS: Readonly<Record<string, (value: string, wanted: readonly string[]) => boolean>> = {
  StringEquals: isOne,
  StringNotEquals: (value, wanted) => !isOne(value, wanted),
  StringLike: isLikeOne,
  StringNotLike: (value, wanted) => !isLikeOne(value, wanted),
  ArnEquals: isLikeOne,
  ArnNotEquals: (value, wanted) => !isLikeOne(value, wanted),
  ArnLike: isLikeOne,
  ArnNotLike: (value, wanted) => !isLikeOne(value, wanted),
  Bool: isOne,
  NumericLessThan: (value, wanted) => wanted.some((bound) => Number(value) < Number(bound)),
};

const expressions = new Map<string, RegExp>();
function like(pattern: string, value: string): boolean {
  const expression = expressions.get(pattern) ?? expressionOf(pattern);
  expressions.set(pattern, expression);
  return expression.test(value);
}

const expressionOf = (pattern: string) =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replace(/\*/g, ".*")
      .replace(/\?/g, ".")}$`,
  );

const many = (value: unknown): string[] => (Array.isArray(value) ? value : [value]) as string[];
