import type { Command } from "commander";
import { UserError } from "../../common/errors.js";
import { assertStackName, isRegionStack, type RegionStackName } from "../../settings/stacks.js";
import { openPlace, type PlaceFlags, placeKind } from "../places.js";

interface RestoreFlags extends Pick<PlaceFlags, "twin"> {
  to?: string;
  from?: string;
  asOf?: string;
  database?: string;
  table?: string[];
  all?: boolean;
  resume?: boolean;
  undo?: boolean;
  end?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function addRestore(dr: Command): void {
  dr.command("restore")
    .description(
      "restore the database to a moment, into a new cluster beside the one that serves; bring tables back, or all of it",
    )
    .option("--to <time>", "ISO 8601 with its time zone; or latest")
    .option("--from <stack>", "prod | dr: from this region's vault, and there (default: the active region)")
    .option("--as-of <time>", "the vault as it was then: after it was tampered with")
    .option("--database <name>", "which one is looked at (default: the first of the settings)")
    .option(
      "--table <name...>",
      "bring it back to the cluster that serves; beside one of that name, if there is",
    )
    .option(
      "--all",
      "the whole cluster goes back to that moment: what was acknowledged since is set aside, and the service stops meanwhile",
    )
    .option("--resume", "with --all: go on with one that was interrupted")
    .option("--undo", "with --all: put back one that was interrupted, as long as that is possible")
    .option("--end", "end the restore machine, and what was restored there")
    .option("--yes", "don't ask")
    .option("--json", "print the result as JSON")
    .option("--twin", "in the twin of this host")
    .action(run);
}

async function run({ to, from, end, json, twin, table = [], ...flags }: RestoreFlags): Promise<void> {
  const open = () => openPlace(placeKind({ twin }) ?? "aws");
  const stack = from === undefined ? undefined : regionStack(from);
  const how = wayOf(flags, table);
  const { endRestore, guidedFinish, guidedRestore } = await import("../../operations/restore/guided.js");
  if (end) return endRestore(open, stack);
  if (how) {
    const outcome = await guidedFinish({ open, from: stack, yes: flags.yes }, how);
    if (json) console.log(JSON.stringify(outcome, undefined, 2));
    if (outcome.result !== (how === "undo" ? "undone" : "cut-over")) process.exitCode = 1;
    return;
  }
  if (to === undefined) throw new UserError("no --to", "A restore is to a moment.", "give one, or latest");
  const { resume: _, undo: __, ...wanted } = flags;
  const result = await guidedRestore({ open, to, from: stack, tables: table, ...wanted });
  if (json) console.log(JSON.stringify(result, undefined, 2));
  const { outcome } = result;
  if (!["restored", "carried", "cut-over"].includes(outcome.result)) process.exitCode = 1;
}

/** @throws UserError for flags that exclude each other */
function wayOf(
  { all, resume, undo }: Pick<RestoreFlags, "all" | "resume" | "undo">,
  tables: readonly string[],
): "resume" | "undo" | undefined {
  if (all && tables.length > 0)
    throw new UserError(
      "--all and --table",
      "Either tables come back, or the whole cluster goes back.",
      "give one",
    );
  if (resume && undo) throw new UserError("--resume and --undo", "They go opposite ways.", "give one");
  if (!resume && !undo) return undefined;
  if (!all)
    throw new UserError(
      `--${resume ? "resume" : "undo"} without --all`,
      "It is about the whole cluster.",
      "add --all",
    );
  return resume ? "resume" : "undo";
}

function regionStack(name: string): RegionStackName {
  assertStackName(name);
  if (isRegionStack(name)) return name;
  throw new UserError(`stack '${name}'`, "It is no region, and has no vault.", "--from prod or dr");
}
