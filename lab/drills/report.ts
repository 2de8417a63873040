/** A drill's result as JSON, as a page to read, and as a line of the summary. Rendering is pure. */

import { wrapAt } from "../../common/wrap.js";
import { figure, type Measure } from "./measure.js";
import type { MoveRecord, Proof, StepRecord } from "./records.js";
import type { MoveTimes } from "./region/stage/moves.js";
import type { Outcome } from "./verdict.js";

export interface DrillResult {
  readonly name: string;
  readonly title: string;
  readonly runbook: string;
  readonly hypothesis: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Which repetition, from 1. */
  readonly repetition: number;
  readonly outcome: Outcome;
  readonly reasons: readonly string[];
  readonly measures: readonly Measure[];
  readonly steps: readonly StepRecord[];
  /** Of a drill about two regions. */
  readonly moves?: readonly MoveRecord[];
  readonly proofs: readonly Proof[];
  readonly environment: Readonly<Record<string, string>>;
  /** Why an earlier play of it was not judged; its report is beside this one. */
  readonly replayed?: string;
  /** Folder with the machines' logs, beside the report; of a drill that did not pass. */
  readonly logs?: string;
}

/** @param zero from where the report counts: the first fault */
export function moveRecord({ to, epoch, lagSeconds, reason, ...times }: MoveTimes, zero: number): MoveRecord {
  const since = (at: number | undefined) => (at === undefined ? undefined : (at - zero) / 1000);
  return {
    ...{ to, epoch, lagSeconds, reason },
    fault: since(times.faultAt),
    claimed: (times.claimedAt - zero) / 1000,
    fenced: since(times.fencedAt),
    promoted: since(times.promotedAt),
    firstWrite: since(times.firstWriteAt),
    full: since(times.fullAt),
  };
}

/** @param runbooks where the runbooks stand, as the report's reader must write it */
export function renderReport(result: DrillResult, runbooks: string): string {
  const { title, outcome, runbook, hypothesis, measures, steps, proofs } = result;
  const notes = notesOf(result);
  return [
    `# ${title}`,
    "",
    `**${outcome.toUpperCase()}** · drill \`${result.name}\` · runbook [${runbook}](${runbooks}/${runbook}) · ${result.startedAt} · ${result.seconds.toFixed(0)} s`,
    "",
    ...notes.map((note) => `- ${note}`),
    ...(notes.length > 0 ? [""] : []),
    `**Hypothesis.** ${hypothesis}`,
    "",
    "## Measured",
    "",
    "| measure | value | expected | |",
    "|-|-:|-:|-|",
    ...measures.map(
      (measure) =>
        `| ${measure.name} | ${figure(measure)} | ${expectation(measure)} | ${measure.expected === undefined ? "" : measure.ok ? "ok" : "**missed**"} |`,
    ),
    "",
    ...movesTable(result.moves ?? []),
    "## Steps",
    "",
    "Seconds since the fault.",
    "",
    "| from | to | step |",
    "|-:|-:|-|",
    ...steps.map(
      ({ from, to, kind, title, error }) =>
        `| ${from.toFixed(2)} | ${to.toFixed(2)} | ${kind === "fault" ? `**Fault:** ${title}` : title}${error ? ` — **failed:** ${cell(error)}` : ""} |`,
    ),
    "",
    "## Evidence that the fault took effect",
    "",
    ...(proofs.length > 0
      ? proofs.map(({ claim, held }) => `- ${held ? "seen" : "**not seen**"}: ${claim}`)
      : ["None."]),
    "",
    "## Environment",
    "",
    ...Object.entries(result.environment).map(([name, value]) => `- ${name}: ${value}`),
    ...(result.logs ? [`- logs of the machines: [${result.logs}](${result.logs})`] : []),
    "",
  ].join("\n");
}

const notesOf = ({ reasons, replayed }: DrillResult): readonly string[] => [
  ...reasons,
  ...(replayed === undefined ? [] : [`played again, because at first ${replayed}`]),
];

/** Each with its way from the fault to full strength. */
function movesTable(moves: readonly MoveRecord[]): string[] {
  if (moves.length === 0) return [];
  const at = (seconds: number | undefined) => seconds?.toFixed(2) ?? "–";
  return [
    "## Moves",
    "",
    "Seconds since the fault: when the epoch was raised, when the old region acknowledged last, when the new one did first, to a probe and to a client, and when it could lose a node.",
    "",
    "| to | epoch | fault | claimed | fenced | promoted | first write | full capacity | lag reported | why it opened |",
    "|-|-:|-:|-:|-:|-:|-:|-:|-:|-|",
    ...moves.map(
      ({ to, epoch, fault, claimed, fenced, promoted, firstWrite, full, lagSeconds, reason }) =>
        `| ${to} | ${epoch} | ${[fault, claimed, fenced, promoted, firstWrite, full].map(at).join(" | ")} | ${lagSeconds === undefined ? "–" : `${lagSeconds.toFixed(2)} s`} | ${cell(reason ?? "")} |`,
    ),
    "",
  ];
}

const expectation = ({ expected, unit }: Measure): string =>
  expected === undefined ? "" : `${expected}${unit ? ` ${unit}` : ""}`;

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

const WIDTH = 80;
const MARKS: Readonly<Record<Outcome, string>> = {
  passed: "ok",
  failed: "FAILED",
  inconclusive: "UNPROVEN",
  unmeasured: "STALLED",
};

/** One line per drill, at most 80 columns, and below it why a drill did not pass. */
export function renderSummary(results: readonly DrillResult[]): string {
  const repeated = results.some(({ repetition }) => repetition > 1);
  const label = ({ name, repetition }: DrillResult) => {
    const suffix = repeated ? ` #${repetition}` : "";
    return `${name.slice(0, 36 - suffix.length)}${suffix}`;
  };
  const columns = (
    name: string,
    verdict: string,
    lost: string,
    write: string,
    read: string,
    rejoin: string,
  ) =>
    `${name.padEnd(36)} ${verdict.padEnd(8)} ${lost.padStart(5)} ${write.padStart(9)} ${read.padStart(8)} ${rejoin.padStart(8)}`.trimEnd();
  const of = (result: DrillResult, name: string) => {
    const measure = result.measures.find((one) => one.name === name);
    return measure ? figure(measure) : "–";
  };
  const passed = results.filter(({ outcome }) => outcome === "passed").length;
  return [
    columns("drill", "", "lost", "write gap", "read gap", "rejoin"),
    ...results.flatMap((result) => [
      columns(
        label(result),
        MARKS[result.outcome],
        of(result, "acknowledged rows lost"),
        of(result, "longest write gap"),
        of(result, "longest read gap"),
        of(result, "all members healthy again"),
      ),
      ...notesOf(result).flatMap((reason) =>
        wrapAt(reason.replace(/\s+/g, " "), WIDTH - 4).map((line) => `    ${line}`),
      ),
    ]),
    "",
    `${passed} of ${results.length} passed`,
  ].join("\n");
}

/** The same as a page, with links to the reports. */
export function renderIndex(results: readonly DrillResult[]): string {
  const of = (result: DrillResult, name: string) => {
    const measure = result.measures.find((one) => one.name === name);
    return measure ? figure(measure) : "";
  };
  return [
    "# Drills",
    "",
    "| drill | verdict | acknowledged rows lost | longest write gap | longest read gap | members healthy again |",
    "|-|-|-:|-:|-:|-:|",
    ...results.map(
      (result) =>
        `| [${result.title}](${fileName(result)}.md) | ${result.outcome} | ${of(result, "acknowledged rows lost")} | ${of(result, "longest write gap")} | ${of(result, "longest read gap")} | ${of(result, "all members healthy again")} |`,
    ),
    "",
  ].join("\n");
}

/** Without extension; repetitions beyond the first carry their number, and a play that was not judged says so. */
export const fileName = ({
  name,
  repetition,
  outcome,
}: Pick<DrillResult, "name" | "repetition"> & { readonly outcome?: Outcome }): string =>
  [name, ...(repetition > 1 ? [repetition] : []), ...(outcome === "unmeasured" ? [outcome] : [])].join("-");
