/** The demo's last lines: what happened, what was lost, how long, where the reports are. Rendering is pure. */
import { figure } from "../drills/measure.js";
import type { DrillResult } from "../drills/report.js";

export interface Closing {
  /** Drills on the machines, in order; empty without machines. */
  readonly results: readonly DrillResult[];
  /** Why no machine ran. */
  readonly notShown?: string;
  /** Of the whole demo. */
  readonly seconds: number;
  /** Folder of the drills' reports, as the reader can open it. */
  readonly reports: string;
}

/** At most ten lines of at most 80 columns, unless a path or a reason is longer than its line. */
export function renderClosing({ results, notShown, seconds, reports }: Closing): string[] {
  return [
    `Everything worked as expected, in ${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s:`,
    "  four stacks deployed, bad change refused, drift repaired, protected data kept",
    ...results.flatMap((result) => [
      `  drill ${result.name}: ${result.outcome} in ${result.seconds.toFixed(0)} s`,
      `    acknowledged rows lost: ${of(result, "acknowledged rows lost")}, longest write gap: ${of(result, "longest write gap")}`,
    ]),
    ...(notShown === undefined ? [`Reports: ${reports}`] : [`No machine ran: ${notShown}`]),
    "Time of each step: --verbose. Next: npx dr --help, runbooks/README.md",
  ];
}

function of({ measures }: DrillResult, name: string): string {
  const measure = measures.find((one) => one.name === name);
  return measure ? figure(measure) : "not measured";
}
