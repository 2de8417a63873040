/** All verbs of `dr`. Each verb's work is in its own folder; this part only parses and prints. */
import { Command } from "commander";
import { addBench } from "./commands/bench.js";
import { addBootstrap } from "./commands/bootstrap.js";
import { addCheckEpoch } from "./commands/check-epoch.js";
import { addDemo } from "./commands/demo.js";
import { addDocs } from "./commands/docs.js";
import { addDrill } from "./commands/drill.js";
import { addPromote } from "./commands/promote.js";
import { addRestore } from "./commands/restore.js";
import { addRotate } from "./commands/rotate.js";
import { addSandbox } from "./commands/sandbox.js";
import { addStatus } from "./commands/status.js";
import { addTwin } from "./commands/twin.js";
import { addVault } from "./commands/vault.js";
import { nameRoles } from "./roles.js";
import { reportUsageErrors } from "./usage.js";

export function program(): Command {
  const dr = new Command("dr")
    .description("Two AWS regions, one PostgreSQL service: deploy, promote, drill.")
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .option("--debug", "show stack traces of errors");

  addDemo(dr);
  addStatus(dr);
  addPromote(dr);
  addRestore(dr);
  addRotate(dr);
  addSandbox(dr);
  addVault(dr);
  addBootstrap(dr);
  addTwin(dr);
  addDrill(dr);
  addBench(dr);
  addCheckEpoch(dr);
  addDocs(dr);

  reportUsageErrors(dr);
  nameRoles(dr);
  return dr;
}
