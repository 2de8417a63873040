/** What the engine reports, reduced to what a person or a test asks: which resource, what happened, what failed. */
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";

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

/** Reads changes from the engine's events as they come; one reader per run. */
export class ChangeReader {
  private readonly refreshing = new Set<string>();

  /** Steps other than `same`. A refresh announces every resource and tells only afterwards what it found. */
  read({ resourcePreEvent, resOutputsEvent }: EngineEvent): Change[] {
    const step = resourcePreEvent?.metadata;
    if (step?.op === "refresh") this.refreshing.add(step.urn);
    if (step) return toChanges(step);
    const outcome = resOutputsEvent?.metadata;
    return outcome && this.refreshing.delete(outcome.urn) ? toChanges(outcome) : [];
  }
}

const QUIET: ReadonlySet<string> = new Set(["same", "read", "refresh"]);

function toChanges({ op, type, urn, detailedDiff, diffs }: StepEventMetadata): Change[] {
  if (QUIET.has(op)) return [];
  return [
    {
      operation: op,
      type,
      name: nameOf(urn),
      urn,
      properties: detailedDiff ? Object.keys(detailedDiff) : (diffs ?? []),
    },
  ];
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
