import type { Command } from "commander";
import { type PlaceFlags, placeKind } from "../../operations/places/choose.js";
import { UserError } from "../../settings/problem.js";
import { assertStackName, isRegionStack, type RegionStackName } from "../../settings/stacks.js";

interface RestoreFlags extends Pick<PlaceFlags, "twin"> {
  to?: string;
  from?: string;
  asOf?: string;
  database?: string;
  table?: string[];
  end?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function addRestore(dr: Command): void {
  dr.command("restore")
    .description(
      "restore the database to a moment, into a new cluster beside the one that serves; bring tables back",
    )
    .option("--to <time>", "ISO 8601 with its time zone; or latest")
    .option("--from <stack>", "prod | dr: from this region's vault, and there (default: the active region)")
    .option("--as-of <time>", "the vault as it was then: after it was tampered with")
    .option("--database <name>", "which one is looked at (default: the first of the settings)")
    .option(
      "--table <name...>",
      "bring it back to the cluster that serves; beside one of that name, if there is",
    )
    .option("--end", "end the restore machine, and what was restored there")
    .option("--yes", "don't ask")
    .option("--json", "print the result as JSON")
    .option("--twin", "in the twin of this host")
    .action(run);
}

async function run({ to, from, end, json, twin, table = [], ...flags }: RestoreFlags): Promise<void> {
  const kind = placeKind({ twin }) === "twin" ? "twin" : "aws";
  const stack = from === undefined ? undefined : regionStack(from);
  const { endRestore, guidedRestore } = await import("../../operations/restore/guided.js");
  if (end) return endRestore(kind, stack);
  if (to === undefined) throw new UserError("no --to", "A restore is to a moment.", "give one, or latest");
  const result = await guidedRestore({ kind, to, from: stack, tables: table, ...flags });
  if (json) console.log(JSON.stringify(result, undefined, 2));
  const { outcome } = result;
  if (outcome.result !== "restored" && outcome.result !== "carried") process.exitCode = 1;
}

function regionStack(name: string): RegionStackName {
  assertStackName(name);
  if (isRegionStack(name)) return name;
  throw new UserError(`stack '${name}'`, "It is no region, and has no vault.", "--from prod or dr");
}
