/** Runs policy rules over resources as the engine would: same arguments, same way of hiding unknown values. */
import type { PolicyResource } from "@pulumi/policy";
import * as proxy from "@pulumi/policy/proxy.js";
import { describe, expect, test } from "vitest";
import type { Rule } from "../../policies/rule.js";
import type { Recorded } from "./recorder.js";

// What the engine's client wraps arguments in during preview: reading an unknown one throws. Its types are
// kept out of the package, but only the real thing shows that rules bear it.
const { unknownCheckingProxy, unknownStringValue } = proxy as any;

/** A resource for a rule to judge. */
export interface Sample {
  readonly type: string;
  /** Default: `it`. */
  readonly name?: string;
  readonly props: Record<string, any>;
  readonly protect?: boolean;
  /** Name of the provider; default an explicit one. */
  readonly provider?: string;
  readonly propertyDependencies?: Readonly<Record<string, readonly string[]>>;
}

export interface Violation {
  readonly name: string;
  readonly message: string;
}

/** How one bad resource differs from a good one, and what the rule must say to it. */
export interface Bad {
  /** Index of the good sample to change; default 0. */
  readonly of?: number;
  /** Values by dotted path; undefined removes. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Other changes to the sample itself. */
  readonly sample?: Partial<Sample>;
  /** Leave the sample out altogether. */
  readonly drop?: boolean;
  readonly message: string | readonly string[];
}

/** The tests that every rule gets: good ones pass, each change is refused in these words, unknowns pass. */
export function describeRule(
  rule: Rule,
  { good, bad }: { good: readonly Sample[]; bad: Readonly<Record<string, Bad>> },
): void {
  describe(rule.name, () => {
    test("accepts what is right", () => {
      for (const sample of good) expect(rule.types.concat(good.map((g) => g.type))).toContain(sample.type);
      expect(violationsOf(rule, good)).toEqual([]);
    });

    test.each(Object.entries(bad))("refuses %s", (_, change) => {
      const messages = violationsOf(rule, apply(good, change)).map(({ message }) => message);
      expect(messages).toEqual([change.message].flat());
    });

    test("says nothing about values that preview doesn't know", () => {
      for (const [of, { props }] of good.entries()) {
        for (const path of pathsOf(props)) {
          const unknown = apply(good, { of, set: { [path]: unknownStringValue }, message: [] });
          expect(violationsOf(rule, unknown), `unknown ${path}`).toEqual([]);
        }
      }
    });
  });
}

/** What a rule says to these resources. */
export function violationsOf(rule: Rule, samples: readonly Sample[]): Violation[] {
  const resources = samples.map(toResource);
  for (const [i, resource] of resources.entries()) {
    const dependencies = Object.entries(samples[i]?.propertyDependencies ?? {});
    for (const [key, urns] of dependencies) {
      resource.propertyDependencies[key] = resources.filter(({ urn }) => urns.includes(urn));
    }
  }
  const violations: Violation[] = [];
  const notApplicable = (): never => {
    throw new Error("rules of this pack don't call notApplicable");
  };
  const common = { getConfig: () => ({}) as never, stackTags: new Map<string, string>(), notApplicable };
  if ("validateStack" in rule) {
    rule.validateStack({ resources, ...common }, (message, urn) =>
      violations.push({ name: resources.find((r) => r.urn === urn)?.name ?? "stack", message }),
    );
  } else if (typeof rule.validateResource === "function") {
    for (const resource of resources) {
      rule.validateResource(
        { ...resource, opts: { ...resource.opts, parent: "" }, ...common } as never,
        (message) => violations.push({ name: resource.name, message }),
      );
    }
  }
  return violations;
}

/** A recorded resource as a rule sees it. */
export const sampleOf = (recorded: Recorded): Sample => ({
  type: recorded.type,
  name: recorded.name,
  // A copy: the engine's proxy can't wrap what is frozen.
  props: structuredClone(recorded.inputs),
  protect: recorded.protect,
  provider: recorded.custom && !recorded.provider ? "default" : recorded.provider,
  propertyDependencies: Object.fromEntries(
    Object.entries(recorded.propertyDependencies).map(([key, urns]) => [key, urns.map(shortUrn)]),
  ),
});

/** Changes one sample. */
function apply(good: readonly Sample[], { of = 0, set = {}, sample = {}, drop = false }: Bad): Sample[] {
  return good.flatMap((original, i) => {
    if (i !== of) return [original];
    if (drop) return [];
    const props = structuredClone(original.props);
    for (const [path, value] of Object.entries(set)) setAt(props, path.split("."), value);
    return [{ ...original, props, ...sample }];
  });
}

function setAt(target: any, [head, ...rest]: string[], value: unknown): void {
  if (head === undefined) return;
  if (rest.length > 0) {
    target[head] ??= {};
    setAt(target[head], rest, value);
  } else if (value === undefined) delete target[head];
  else target[head] = value;
}

function pathsOf(value: unknown, prefix: string[] = []): string[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...prefix, key];
    return [path.join("."), ...pathsOf(inner, path)];
  });
}

function toResource({
  type,
  name = "it",
  props,
  protect = false,
  provider = "aws-eu-west-1",
}: Sample): PolicyResource {
  return {
    type,
    name,
    props: unknownCheckingProxy(props),
    urn: `${type}::${name}`,
    opts: {
      protect,
      ignoreChanges: [],
      aliases: [],
      customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
      additionalSecretOutputs: [],
    },
    provider: { type: "pulumi:providers:aws", name: provider, urn: provider, props: {} },
    dependencies: [],
    propertyDependencies: {},
    isType: () => false,
    asType: () => undefined,
  };
}

/** `urn:…::parent$type::name` without what depends on the parent. */
function shortUrn(urn: string): string {
  const [type = "", name = ""] = urn.split("::").slice(-2);
  return `${type.split("$").at(-1)}::${name}`;
}
