/** What a guided restore prints. Pure. */

import { duration } from "../../common/duration.js";
import { labelled } from "../../common/wrap.js";
import type { PlanReport, RestoreReport } from "../../nodes/bin/reports.js";
import { textsOf } from "./cut-over-texts.js";
import { expectedSeconds, logBytes } from "./report.js";
import type { RestoreRequest } from "./request.js";
import type { Found } from "./steps.js";

const WIDTH = 79;

const rowsOf = (rows: readonly (readonly [string, string])[]): string[] => labelled(rows, WIDTH);

export function planText(
  plan: PlanReport,
  { to, region, database, tables, all }: RestoreRequest,
  {
    machine,
    leader,
    schema,
  }: { readonly machine: string; readonly leader?: string; readonly schema?: string },
): string {
  const { backup, backupEnd, stanza, timelines = {}, notes = [], lastTest } = plan;
  const log = logBytes(plan);
  const expected = expectedSeconds(plan);
  const took =
    expected === undefined
      ? "unknown: no restore test of this vault has passed yet"
      : `at most about ${duration(expected)}, by the restore test of ${lastTest?.begin}, plus the machine's start`;
  return [
    `Restore to ${to} from the vault of ${region}, beside the serving cluster`,
    "",
    ...rowsOf([
      ["backup", `${backup} of ${stanza}, ended ${backupEnd}, ${size(plan.bytes)}`],
      ["log", `at most ${size(log)}, along timelines ${chain(timelines)}`],
      ["on", `${machine}, which starts for this; no client can reach the restored data`],
      ["takes", took],
      [
        "then",
        leader === undefined
          ? all
            ? `you check it; then a replica restores the same, and all of ${region} can go back to it, with the service stopped meanwhile`
            : "you check it; nothing is brought back"
          : `you check it; then ${tables.join(", ")} of ${database} can be brought back to ${leader}${schema ? `, as ${schema}.…, because the name is taken there` : ""}`,
      ],
      ...notes.map((note): [string, string] => ["note", note]),
    ]),
  ].join("\n");
}

export function foundText(
  { lastCommit, backupEnd, seconds, walSegments = 0 }: RestoreReport,
  { tables, checks }: Found,
  database: string,
): string {
  const took = Object.values(seconds).reduce((sum, each) => sum + each, 0);
  return [
    "",
    ...rowsOf([
      ["restored", `in ${duration(took)}, ${walSegments} segments of log replayed`],
      ["last commit", lastCommit ?? `none after the backup, which ended ${backupEnd}`],
      ...tables.map(({ table, rows, bytes }): [string, string] => [
        "",
        `${table}: ${rows === undefined ? "not counted" : `${rows} rows`}, ${size(bytes)}`,
      ]),
      ...(tables.length === 0 ? [["", `no table in ${database}`] as [string, string]] : []),
      ...checks.map(({ name, expected, answer }): [string, string] => [
        answer === expected ? "check" : "FAILS",
        answer === expected ? `${name}: ${answer}` : `${name}: expected ${expected}, got ${answer}`,
      ]),
    ]),
    "",
  ].join("\n");
}

/** How to continue by hand. */
export const reachText = ({ region }: RestoreRequest, machine: string, twin?: boolean): string =>
  `the restored cluster runs on ${machine}; runbooks/point-in-time-restore.md explains how to reach and use it; ${textsOf(region, twin).end} ends it`;

const chain = (timelines: Readonly<Record<string, string>>): string =>
  Object.entries(timelines)
    .map(([timeline, stanza]) => `${timeline} (${stanza})`)
    .join(", ");

function size(bytes: number | undefined): string {
  if (bytes === undefined) return "of unknown size";
  const gib = bytes / 1024 ** 3;
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
