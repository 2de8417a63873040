/** A restore on a real terminal: place and machines chosen, progress on standard error. */
import { setTimeout as sleep } from "node:timers/promises";
import { Progress } from "../../sandbox/progress.js";
import { UserError } from "../../settings/problem.js";
import type { RegionId, RegionStackName } from "../../settings/stacks.js";
import { greatestOf } from "../observation.js";
import { openPlace } from "../places/choose.js";
import type { Place } from "../places/place.js";
import { askToConfirm, requireTerminal } from "../promotion/confirm.js";
import { wrapAt } from "../wrap.js";
import type { RestoreMachines } from "./machines.js";
import { type RestoreRequest, requireTable, requireTime } from "./request.js";
import { type RestoreResult, runRestore } from "./run.js";

const WIDTH = 79;
const wait = async (millis: number): Promise<void> => void (await sleep(millis));

export interface GuidedRestore {
  readonly kind: "aws" | "twin";
  /** Left out: the region that is active. */
  readonly from?: RegionStackName;
  readonly to: string;
  readonly asOf?: string;
  readonly database?: string;
  readonly tables: readonly string[];
  readonly yes?: boolean;
}

export async function guidedRestore(options: GuidedRestore): Promise<RestoreResult> {
  const { yes = false, asOf } = options;
  const to = options.to === "latest" ? "latest" : requireTime("--to", options.to);
  const tables = options.tables.map(requireTable);
  requireTerminal({ input: process.stdin, yes });
  const progress = new Progress(process.stderr);
  return withMachines(options.kind, async (place, machines) => {
    const { settings, contract } = place;
    const request: RestoreRequest = {
      ...{ to, tables, region: await regionOf(place, options.from) },
      asOf: asOf === undefined ? undefined : requireTime("--as-of", asOf),
      database: databaseOf(settings.databases, options.database),
    };
    const result = await runRestore(
      {
        ...{ machines, settings, contract },
        confirm: (question) => askToConfirm(question, { input: process.stdin, output: process.stderr, yes }),
        say: (text) => progress.line(text),
        sleep: wait,
        date: () => new Date(),
      },
      request,
    );
    progress.line(["", ...wrapAt(`${result.outcome.reason}.`, WIDTH)].join("\n"));
    return result;
  });
}

/** Ends the region's restore machine, and what was restored there. */
export const endRestore = (kind: GuidedRestore["kind"], from: RegionStackName | undefined): Promise<void> =>
  withMachines(kind, async (place, machines) => machines.end(await regionOf(place, from)));

async function withMachines<T>(
  kind: GuidedRestore["kind"],
  work: (place: Place, machines: RestoreMachines) => Promise<T>,
): Promise<T> {
  const place = await openPlace(kind);
  const machines = await machinesOf(place);
  try {
    return await work(place, machines);
  } finally {
    machines.close();
    place.close();
  }
}

async function machinesOf({ kind, contract }: Place): Promise<RestoreMachines> {
  if (kind === "twin") return (await import("./twin.js")).twinRestoreMachines(contract);
  return (await import("./aws.js")).awsRestoreMachines(contract, wait);
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
    "give one of them",
  );
}
