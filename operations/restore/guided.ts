/** A restore on a real terminal: chooses place and machines, writes progress to standard error. */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../common/errors.js";
import { Progress } from "../../common/progress.js";
import { wrapAt } from "../../common/wrap.js";
import type { RegionId, RegionStackName } from "../../settings/stacks.js";
import { greatestOf } from "../observation.js";
import type { Place } from "../places/place.js";
import { askToConfirm, requireTerminal } from "../promotion/confirm.js";
import { finishCutOver } from "./cut-over.js";
import type { CutOverOutcome } from "./cut-over-steps.js";
import type { RestoreMachines } from "./machines.js";
import type { RestorePorts } from "./ports.js";
import { type RestoreRequest, requireTable, requireTime } from "./request.js";
import { type RestoreResult, runRestore } from "./run.js";

const WIDTH = 79;
const wait = async (millis: number): Promise<void> => void (await sleep(millis));

export interface GuidedRestore {
  /** Where the restore happens. The guided restore closes it. */
  readonly open: () => Promise<Place>;
  /** Left out: the active region. */
  readonly from?: RegionStackName;
  readonly to: string;
  readonly asOf?: string;
  readonly database?: string;
  readonly tables: readonly string[];
  /** The whole cluster, not tables. */
  readonly all?: boolean;
  readonly yes?: boolean;
}

export async function guidedRestore(options: GuidedRestore): Promise<RestoreResult> {
  const { yes = false, asOf } = options;
  const to = options.to === "latest" ? "latest" : requireTime("--to", options.to);
  if (options.all && to === "latest")
    throw new UserError(
      "--all --to latest",
      "The cluster is at that point already; a restore would only lose the log that is not archived yet.",
      "name the moment before the mistake",
    );
  const tables = options.tables.map(requireTable);
  requireTerminal({ input: process.stdin, yes });
  const progress = new Progress(process.stderr);
  return withMachines(options.open, async (place, machines) => {
    const { settings } = place;
    const request: RestoreRequest = {
      ...{ to, tables, all: options.all, unasked: yes, region: await regionOf(place, options.from) },
      asOf: asOf === undefined ? undefined : requireTime("--as-of", asOf),
      database: databaseOf(settings.databases, options.database),
    };
    const result = await runRestore(portsOf(place, machines, progress, yes), request);
    progress.line(["", ...wrapAt(`${result.outcome.reason}.`, WIDTH)].join("\n"));
    return result;
  });
}

/** Continues or undoes an interrupted cut-over of the whole cluster. */
export async function guidedFinish(
  { open, from, yes = false }: Pick<GuidedRestore, "open" | "from" | "yes">,
  how: "resume" | "undo",
): Promise<CutOverOutcome> {
  requireTerminal({ input: process.stdin, yes });
  const progress = new Progress(process.stderr);
  return withMachines(open, async (place, machines) => {
    const ports = portsOf(place, machines, progress, yes);
    const outcome = await finishCutOver(ports, await regionOf(place, from), how, from === undefined);
    progress.line(["", ...wrapAt(`${outcome.reason}.`, WIDTH)].join("\n"));
    return outcome;
  });
}

const portsOf = (
  { settings, contract, kind }: Place,
  machines: RestoreMachines,
  progress: Progress,
  yes: boolean,
): RestorePorts => ({
  ...{ machines, settings, contract, twin: kind === "twin" },
  confirm: (question) => askToConfirm(question, { input: process.stdin, output: process.stderr, yes }),
  say: (text) => progress.line(text),
  sleep: wait,
  date: () => new Date(),
});

/** Ends the region's restore machine and deletes the cluster restored there. */
export const endRestore = (open: GuidedRestore["open"], from: RegionStackName | undefined): Promise<void> =>
  withMachines(open, async (place, machines) => {
    const region = await regionOf(place, from);
    await machines.end(region);
    new Progress(process.stderr).line(`the restore machine of ${region} has ended`);
  });

async function withMachines<T>(
  open: GuidedRestore["open"],
  work: (place: Place, machines: RestoreMachines) => Promise<T>,
): Promise<T> {
  const place = await open();
  try {
    const machines = await place.restoreMachines();
    try {
      return await work(place, machines);
    } finally {
      machines.close();
    }
  } finally {
    place.close();
  }
}

async function regionOf(place: Place, from: RegionStackName | undefined): Promise<RegionId> {
  if (from) return from === "prod" ? "home" : "recovery";
  return greatestOf(await place.observe()) ?? "home";
}

function databaseOf(databases: readonly { readonly name: string }[], wanted: string | undefined): string {
  const names = databases.map(({ name }) => name);
  const found = wanted ?? names[0];
  if (found !== undefined && names.includes(found)) return found;
  throw new UserError(
    `--database ${wanted}`,
    `The settings name ${names.join(", ") || "none"}.`,
    "pass one of them",
  );
}
