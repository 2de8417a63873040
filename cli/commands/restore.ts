import type { Command } from "commander";
import { UserError } from "../../common/errors.js";
import { openPlace, type PlaceFlags, placeKind } from "../places.js";
import { regionStack } from "../region-stack.js";

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
      "restore the database to a moment, in a new cluster beside the serving one; then bring tables back, or everything",
    )
    .option("--to <time>", "the moment, in ISO 8601 with a time zone; or latest")
    .option(
      "--from <stack>",
      "prod | dr: the region whose vault and machines to use (default: the active region)",
    )
    .option("--as-of <time>", "read the vault as it was at this time, e.g. before tampering")
    .option("--database <name>", "the database to show (default: the first one in the settings)")
    .option(
      "--table <name...>",
      "bring these tables back to the serving cluster, beside existing ones of the same name",
    )
    .option(
      "--all",
      "set the whole cluster back to that moment: later writes are set aside, and the service stops meanwhile",
    )
    .option("--resume", "with --all: continue an interrupted restore")
    .option("--undo", "with --all: undo an interrupted restore, as long as that is possible")
    .option("--end", "end the restore machine and delete what it restored")
    .option("--yes", "don't ask")
    .option("--json", "print the result as JSON")
    .option("--twin", "work in the twin of this host")
    .action(run);
}

async function run({ to, from, end, json, twin, table = [], ...flags }: RestoreFlags): Promise<void> {
  const open = () => openPlace(placeKind({ twin }) ?? "aws");
  const stack = from === undefined ? undefined : regionStack(from, "vault", "pass --from prod or --from dr");
  const how = wayOf(flags, table);
  const { endRestore, guidedFinish, guidedRestore } = await import("../../operations/restore/guided.js");
  if (end) return endRestore(open, stack);
  if (how) {
    const outcome = await guidedFinish({ open, from: stack, yes: flags.yes }, how);
    if (json) console.log(JSON.stringify(outcome, undefined, 2));
    if (outcome.result !== (how === "undo" ? "undone" : "cut-over")) process.exitCode = 1;
    return;
  }
  if (to === undefined)
    throw new UserError("--to is missing", "A restore needs a moment.", "pass --to <time> or --to latest");
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
      "A restore brings back tables or the whole cluster, not both.",
      "pass one of them",
    );
  if (resume && undo)
    throw new UserError("--resume and --undo", "One continues, the other undoes.", "pass one of them");
  if (!resume && !undo) return undefined;
  if (!all)
    throw new UserError(
      `--${resume ? "resume" : "undo"} without --all`,
      "The option applies only to a restore of the whole cluster.",
      "add --all",
    );
  return resume ? "resume" : "undo";
}
