/** What the engine reports, reduced to what a person or a test asks: which resource, what happened, what failed. */
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";

export interface Change {
  readonly operation: string;
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Inputs that differ. */
  readonly properties: readonly string[];
}

export interface Failure {
  readonly diagnostics: readonly string[];
  readonly violations: readonly PolicyViolation[];
}

export interface PolicyViolation {
  readonly policy: string;
  readonly level: string;
  readonly resource: string;
  readonly message: string;
}

/** Steps other than `same`. Nothing is a change for what the engine leaves alone. */
export function changesOf(events: readonly EngineEvent[]): Change[] {
  return events.flatMap(({ resourcePreEvent }) => {
    const step = resourcePreEvent?.metadata;
    if (!step || step.op === "same" || step.op === "read") return [];
    const details = step.detailedDiff ? Object.keys(step.detailedDiff) : (step.diffs ?? []);
    return [
      {
        operation: step.op as string,
        type: step.type,
        name: nameOf(step.urn),
        urn: step.urn,
        properties: details,
      },
    ];
  });
}

export const nameOf = (urn: string): string => urn.split("::").at(-1) ?? urn;

/** A run that the engine ended: what it and the policies said, without the noise around it. */
export class OperationFailed extends Error {
  constructor(
    readonly stackName: string,
    readonly operation: string,
    readonly failure: Failure,
    override readonly cause: Error,
  ) {
    super(describe(stackName, operation, failure));
    this.name = "OperationFailed";
  }
}

function describe(stack: string, operation: string, { diagnostics, violations }: Failure): string {
  const refused = violations.map(
    ({ policy, resource, message }) =>
      `  ${policy} refuses ${resource}\n    ${message.trim().replaceAll("\n", "\n    ")}`,
  );
  const said = diagnostics.map((text) => `  ${text.trim().replaceAll("\n", "\n  ")}`);
  return [`${operation} of stack '${stack}' failed`, ...refused, ...said].join("\n");
}

export function readFailure(error: Error, events: readonly EngineEvent[]): Failure {
  const violations = events.flatMap(({ policyEvent }) =>
    policyEvent
      ? [
          {
            policy: policyEvent.policyName,
            level: policyEvent.enforcementLevel,
            resource: nameOf(policyEvent.resourceUrn ?? ""),
            message: plainText(policyEvent.message),
          },
        ]
      : [],
  );
  const diagnostics = events.flatMap(({ diagnosticEvent }) =>
    diagnosticEvent && diagnosticEvent.severity === "error"
      ? [
          plainText(
            `${diagnosticEvent.urn ? `${nameOf(diagnosticEvent.urn)}: ` : ""}${diagnosticEvent.message}`,
          ),
        ]
      : [],
  );
  if (violations.length === 0 && diagnostics.length === 0) diagnostics.push(plainText(error.message));
  return {
    violations: violations.filter(({ level }) => level === "mandatory"),
    diagnostics: [...new Set(diagnostics)],
  };
}

/** The engine marks colours like `<{%reset%}>`, and its own stack traces follow a blank line. */
const plainText = (text: string): string => text.replace(/<\{%[\w ]+%\}>/g, "").trim();
