/** What a guided restore and a cut-over of the whole cluster print. Pure. */

import { duration } from "../../common/duration.js";
import { labelled, wrapAt } from "../../common/wrap.js";
import type { PlanReport, RestoreReport } from "../../nodes/bin/reports.js";
import { DATABASE_FOLDER, OLD_DATA } from "../../nodes/layout.js";
import type { RegionId } from "../../settings/stacks.js";
import type { Prepared } from "./cut-over-node.js";
import type { Remote } from "./machines.js";
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

/** @param twin whether the place is the twin */
const commandOf = (region: RegionId, twin: boolean | undefined, options: string): string =>
  `npx dr restore ${options} --from ${region === "home" ? "prod" : "dr"}${twin ? " --twin" : ""}`;

/** The commands that continue, with their options for this region and place. */
export const textsOf = (region: RegionId, twin?: boolean) => ({
  resume: commandOf(region, twin, "--all --resume"),
  undo: commandOf(region, twin, "--all --undo"),
  end: commandOf(region, twin, "--end"),
});
export type CommandTexts = ReturnType<typeof textsOf>;

/** Before the service is stopped. */
export function asideText(
  { to, region }: RestoreRequest,
  {
    stamp,
    nodes,
    replica,
    prepared: { lastCommit, timeline },
    texts,
  }: {
    readonly stamp: string;
    readonly nodes: readonly Remote[];
    readonly replica: Remote;
    readonly prepared: Prepared;
    readonly texts: CommandTexts;
  },
): string {
  const paragraphs = [
    `${replica.name} has the restored data ready: last commit ${lastCommit ?? "as in the backup"}, timeline ${timeline}.`,
    `The service loses everything that ${region} has acknowledged since ${to}, in all databases. Each of ${nodes.map(({ name }) => name).join(", ")} keeps it as ${DATABASE_FOLDER}/${OLD_DATA}${stamp}; nothing brings it back automatically.`,
    `Passwords of logins stay as they are now. The other region follows and loses the same data.`,
    `Clients can't connect until ${replica.name} leads. PostgreSQL stops on every node, two folders are renamed, and PostgreSQL starts again, usually within a minute. Until the other nodes have copied the data, only one copy exists.`,
    `Don't promote the other region meanwhile: that would end this cut-over, and the other region would continue with the data that you want to undo.`,
    `If a step fails before etcd forgets the old log, the cut-over puts everything back by itself. If this process dies, run ${texts.resume} or ${texts.undo}.`,
  ];
  return ["", ...paragraphs.flatMap((text) => [...wrapAt(text, WIDTH), ""])].join("\n");
}
