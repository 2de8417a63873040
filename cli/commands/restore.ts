import type { Command } from "commander";
import { UserError } from "../../common/errors.js";
import { openPlace, type PlaceFlags, placeKind } from "../places.js";
import { regionStack } from "../region-stack.js";

interface RestoreFlags extends Pick<PlaceFlags, "twin"> {
  to?: string;
  from?: string;
  escrow?: string;
  identity?: string;
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
      "prod | dr: the region whose vault and machines to use (default: the active region); copy: begin a new deployment from the third copy",
    )
    .option("--escrow <file>", "with --from copy: the sealed file with the lost account's passphrase")
    .option("--identity <file>", "with --from copy: the secret key that opens it")
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

async function run(given: RestoreFlags): Promise<void> {
  if (given.from === "copy") return fromCopy(given);
  const { to, from, end, json, twin, table = [], escrow, identity, ...flags } = given;
  if (escrow !== undefined || identity !== undefined)
    throw new UserError(
      "--escrow and --identity",
      "They belong to a new deployment.",
      "add --from copy, or leave them out",
    );
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

/** For when the account is gone: it fills the new account's vault, and the first cluster there begins from it. */
async function fromCopy({
  escrow,
  identity,
  to,
  asOf,
  twin,
  yes,
  json,
  ...others
}: RestoreFlags): Promise<void> {
  const { from: _, ...excluded } = others;
  const [option] = Object.keys(excluded);
  if (option !== undefined)
    throw new UserError(
      `--from copy and --${option}`,
      "It restores everything into a new deployment.",
      "leave one of them out",
    );
  if (escrow === undefined || identity === undefined)
    throw new UserError(
      "--from copy without --escrow and --identity",
      "The copy can't be read without the lost account's passphrase.",
      "name the sealed file and the file with a secret key that opens it",
    );
  const { guidedBegin } = await import("../../operations/begin/guided.js");
  const open = () => openPlace(placeKind({ twin }) ?? "aws");
  const result = await guidedBegin({ open, escrow, identity, to, asOf, yes });
  if (json) console.log(JSON.stringify(result, undefined, 2));
  else if (result.copied)
    console.log(
      "The vault is filled. Deploy prod: its first cluster begins from it. Then runbooks/account-gone.md, step 5.",
    );
  if (!result.copied) process.exitCode = 1;
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
