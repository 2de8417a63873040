/** The engine's events, reduced to what people and tests need: which resource, what happened, what failed. */
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

  /** Steps other than `same`. A refresh announces every resource first and reports its result later. */
  read({ resourcePreEvent, resOutputsEvent }: EngineEvent): Change[] {
    const step = resourcePreEvent?.metadata;
    if (step?.op === "refresh") this.refreshing.add(step.urn);
    if (step) return toChanges(step);
    const outcome = resOutputsEvent?.metadata;
    return outcome && this.refreshing.delete(outcome.urn) ? toChanges(outcome) : [];
  }
}

/** Claims leave Pulumi's state but stay in the table (`retainOnDelete`); the events don't show that. */
const RETAINED = "aws:dynamodb/tableItem:TableItem";

const QUIET: ReadonlySet<string> = new Set(["same", "read", "refresh"]);

function toChanges({ op, type, urn, detailedDiff, diffs }: StepEventMetadata): Change[] {
  if (QUIET.has(op)) return [];
  return [
    {
      operation: op === "delete" && type === RETAINED ? "forget" : op,
      type,
      name: nameOf(urn),
      urn,
      properties: detailedDiff ? Object.keys(detailedDiff) : (diffs ?? []),
    },
  ];
}

const nameOf = (urn: string): string => urn.split("::").at(-1) ?? urn;

/** A run that the engine ended: the messages of the engine and the policies, without noise. */
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

/**
 * @param error the error of the run.
 * @param thrown the error that the program itself threw, if any.
 */
export function readFailure(error: Error, events: readonly EngineEvent[], thrown?: Error): Failure {
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
  const said = events.flatMap(({ diagnosticEvent: event }) =>
    event?.severity === "error"
      ? [plainText(`${event.urn ? `${nameOf(event.urn)}: ` : ""}${event.message}`)]
      : [],
  );
  // The program's own error is the clearest, unless the program only noticed that the engine had ended.
  const told =
    thrown && !NOISE.test(thrown.message) ? [thrown.message] : said.filter((text) => !NOISE.test(text));
  if (violations.length === 0 && told.length === 0) told.push(plainText(thrown?.message ?? error.message));
  return {
    violations: violations.filter(({ level }) => level === "mandatory"),
    diagnostics: protectedAsOne([...new Set(told)]).map(withRemedy),
  };
}

/** Messages that name no cause. */
const NOISE = /Resource monitor is terminating|^(update|preview|destroy) failed$|context canceled/;

/** The engine advises to unprotect each protected resource. A vault must stay protected. */
function protectedAsOne(diagnostics: readonly string[]): string[] {
  const refusals = diagnostics.filter((text) =>
    /cannot be (deleted|replaced)[\s\S]*because it is protected/.test(text),
  );
  if (refusals.length === 0) return [...diagnostics];
  const names = refusals.map((text) => text.split(":")[0]);
  const others = diagnostics.filter((text) => !refusals.includes(text));
  return [
    ...others,
    `${refusals.length} protected ${refusals.length === 1 ? "resource" : "resources"} would be deleted or replaced: ${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}\n  They hold data, or losing them loses data. Nothing was changed.\n  → keep the regions of a deployed stack; to empty a sandbox: npx dr sandbox reset`,
  ];
}

function withRemedy(diagnostic: string): string {
  const used = /\b(claim|fenced|accept-data-loss)-(\d+)\b[\s\S]*conditional request failed/i.exec(diagnostic);
  if (!used) return diagnostic;
  const epoch = Number(used[2]);
  if (used[1] !== "claim") {
    const setting = used[1] === "fenced" ? "fenced" : "acceptDataLoss";
    return `${diagnostic}\n  An earlier up wrote it to the table, and it has its effect: it can't be revoked.\n  → remove the setting (pulumi config rm ${setting}), or import the item (runbooks/promotion-without-pulumi.md)`;
  }
  return `${diagnostic}\n  Epoch ${epoch} was claimed before; a claim is permanent.\n  → set epoch ${epoch + 2}; if the last up of this stack wrote it and the answer was lost, import it (runbooks/promotion-without-pulumi.md)`;
}

/** Without the engine's colour marks, e.g. `<{%reset%}>`. */
const plainText = (text: string): string => text.replace(/<\{%[\w ]+%\}>/g, "").trim();
