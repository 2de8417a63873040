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

/** Claims leave Pulumi's state and stay in the table (`retainOnDelete`); the events don't tell. */
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

/**
 * @param error what the run ended with.
 * @param thrown what the program itself threw, if it did.
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
  // What the program threw says best what is wrong, unless it only noticed that the engine had given up.
  const told =
    thrown && !NOISE.test(thrown.message) ? [thrown.message] : said.filter((text) => !NOISE.test(text));
  if (violations.length === 0 && told.length === 0) told.push(plainText(thrown?.message ?? error.message));
  return {
    violations: violations.filter(({ level }) => level === "mandatory"),
    diagnostics: protectedAsOne([...new Set(told)]).map(withRemedy),
  };
}

/** Says that something failed and not what. */
const NOISE = /Resource monitor is terminating|^(update|preview|destroy) failed$|context canceled/;

/** The engine advises, for each protected resource, how to unprotect it: the last thing to do to a vault. */
function protectedAsOne(diagnostics: readonly string[]): string[] {
  const refusals = diagnostics.filter((text) =>
    /cannot be (deleted|replaced)[\s\S]*because it is protected/.test(text),
  );
  if (refusals.length === 0) return [...diagnostics];
  const names = refusals.map((text) => text.split(":")[0]);
  const others = diagnostics.filter((text) => !refusals.includes(text));
  return [
    ...others,
    `${refusals.length} protected ${refusals.length === 1 ? "resource" : "resources"} would be deleted or replaced: ${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}\n  They hold data, or losing them loses data. Nothing was touched.\n  → the regions of a deployed stack never change; a sandbox is emptied by: npx dr sandbox reset`,
  ];
}

function withRemedy(diagnostic: string): string {
  const used = /\b(claim|fenced|accept-data-loss)-(\d+)\b[\s\S]*conditional request failed/i.exec(diagnostic);
  if (!used) return diagnostic;
  const epoch = Number(used[2]);
  if (used[1] !== "claim") {
    const setting = used[1] === "fenced" ? "fenced" : "acceptDataLoss";
    return `${diagnostic}\n  It stands in the table from an earlier up and has its effect: it can't be taken back.\n  → take the setting out (pulumi config rm ${setting}), or import the item (runbooks/promotion-without-pulumi.md)`;
  }
  return `${diagnostic}\n  Epoch ${epoch} was claimed before; a claim is made once and stays for ever.\n  → set epoch ${epoch + 2}; if this very stack's last up wrote it and its answer was lost, import it (runbooks/promotion-without-pulumi.md)`;
}

/** The engine marks colours like `<{%reset%}>`, and its own stack traces follow a blank line. */
const plainText = (text: string): string => text.replace(/<\{%[\w ]+%\}>/g, "").trim();
