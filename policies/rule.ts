/**
 * What a rule is: a CrossGuard policy that always says why, by which standard and what to do.
 *
 * Rules are plain constants. Importing one registers nothing, so tests can call it without a policy pack.
 */
import type {
  PolicyResource,
  PolicyResourceOptions,
  ResourceValidation,
  ResourceValidationPolicy,
  StackValidation,
  StackValidationPolicy,
} from "@pulumi/policy";
import type { Unwrap } from "@pulumi/pulumi";
import type { Problem } from "../common/errors.js";

/** `mandatory` stops the deployment, `advisory` is printed. */
export type Level = "mandatory" | "advisory";
export type Severity = "low" | "medium" | "high" | "critical";

/** The published control that a rule implements. */
export interface Reference {
  readonly id: string;
  readonly url: string;
}

export interface RuleText {
  /** Unique in the pack, kebab-case. It is what one configures or disables. */
  readonly name: string;
  /** One sentence that says what holds when the rule is kept. */
  readonly description: string;
  readonly level: Level;
  readonly severity: Severity;
  readonly reference: Reference;
}

/** A rule, whichever kind: what the pack, the tests and the generated table need of it. */
export type Rule = (ResourceValidationPolicy | StackValidationPolicy) &
  RuleText & {
    /** Types that the rule judges. */
    readonly types: readonly string[];
  };

/** A resource as the engine hands it over. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  /** Reading a value that preview doesn't know yet throws; that ends the check without a finding. */
  readonly props: Readonly<Record<string, unknown>>;
  readonly opts: Pick<PolicyResourceOptions, "protect">;
  readonly provider?: { readonly name: string };
}

/** The same with the arguments of its type, so that a misspelt argument doesn't compile. */
export interface Subject<Args> extends Omit<Resource, "props"> {
  readonly props: Partial<Unwrap<Args>>;
}

/** Judges one resource. A generator, so that findings stand that came before an unknown value. */
export type Check = (resource: Resource) => Iterable<Problem>;

/** Judges one resource of a stack, with all others at hand. */
export type StackCheck = (resource: PolicyResource, stack: readonly PolicyResource[]) => Iterable<Problem>;

/** Instead of a type token: the check is for resources of every type. */
export const ANY_TYPE = "*";

/**
 * A rule about single resources.
 * @param checks what to judge, by Pulumi type token, or one check for `ANY_TYPE`.
 */
export function rule(text: RuleText, checks: Readonly<Record<string, Check>>): Rule {
  const types = Object.keys(checks);
  const validateResource: ResourceValidation = (args, report) => {
    const judge = checks[args.type] ?? checks[ANY_TYPE];
    if (judge)
      forEachKnown(
        () => judge(args),
        (problem) => report(render(problem)),
      );
  };
  return { ...policyOf(text), types, validateResource: onlyFor(types, validateResource) };
}

/**
 * A rule that needs more than one resource, such as "every bucket has a versioning resource".
 * It is judged at the end of a preview or update, once per resource of the type `subject`.
 */
export function stackRule(text: RuleText, subject: string, judge: StackCheck): Rule {
  const validateStack: StackValidation = ({ resources }, report) => {
    for (const resource of resources.filter(({ type }) => type === subject)) {
      forEachKnown(
        () => judge(resource, resources),
        (problem) => report(render(problem), resource.urn),
      );
    }
  };
  return { ...policyOf(text), types: [subject], validateStack: onlyFor([subject], validateStack) };
}

/** Gives a check the arguments of its type. */
export const check =
  <Args>(judge: (subject: Subject<Args>) => Iterable<Problem>): Check =>
  (resource) =>
    judge(resource as Subject<Args>);

/** The arguments of a resource of a stack, typed. */
export const argsOf = <Args>(resource: PolicyResource): Partial<Unwrap<Args>> =>
  resource.props as Partial<Unwrap<Args>>;

/**
 * The resources of one type whose argument `property` names `target`, such as the versioning of a
 * bucket. In preview the value is often unknown; then the dependency that the engine recorded tells, and
 * without one it may well be this target, so it counts.
 * @param names what the argument may say; those that aren't known yet are left out.
 */
export function linked(
  stack: readonly PolicyResource[],
  type: string,
  property: string,
  target: PolicyResource,
  names: readonly unknown[],
): PolicyResource[] {
  return stack.filter((resource) => {
    if (resource.type !== type) return false;
    const sources = resource.propertyDependencies[property] ?? [];
    if (sources.length > 0) return sources.some(({ urn }) => urn === target.urn);
    const value = known(() => resource.props[property]);
    return value === undefined || names.length === 0 || names.includes(value);
  });
}

/** The value, or undefined when preview doesn't know it yet. */
export function known<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isUnknown(error)) return undefined;
    throw error;
  }
}

function forEachKnown(problems: () => Iterable<Problem>, use: (problem: Problem) => void): void {
  // An unknown value is no finding: the same check runs again during the update, with all values known.
  known(() => {
    for (const problem of problems()) use(problem);
  });
}

/** The engine's client throws this on reading a value that preview doesn't know; it exports no class for it. */
const isUnknown = (error: unknown): boolean =>
  error instanceof Error && "unknownTypeSentinel" in error && "props" in error;

function render({ key, value, reason, remedy }: Problem): string {
  const shown = value === undefined ? "(not set)" : JSON.stringify(value);
  return `${key} = ${shown}\n  ${reason}\n  → ${remedy}`;
}

function policyOf(text: RuleText) {
  return {
    ...text,
    enforcementLevel: text.level,
    url: text.reference.url,
  };
}

/**
 * Pulumi's policy server skips a function that carries the one type it is for, before it decodes the
 * resource. Its own validateResourceOfType sets the same mark, but needs the resource class, whose
 * import would slow down each start of the pack.
 */
function onlyFor<F extends object>(types: readonly string[], validate: F): F {
  return types.length === 1 && types[0] !== ANY_TYPE
    ? Object.assign(validate, { __pulumiType: types[0] })
    : validate;
}
