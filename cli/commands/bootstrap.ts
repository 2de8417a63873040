import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { LEAF_DAYS } from "../../authority/authority.js";
import { REPO } from "../../common/paths.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { readStackFiles } from "../../settings/stack-files.js";

interface CaFlags {
  out?: string;
  authority?: string;
  node?: string[];
  days: number;
  publish: boolean;
  alsoTrust?: string;
  trustOnly?: boolean;
  project?: string;
}

export function addBootstrap(dr: Command): void {
  dr.command("bootstrap")
    .description("create what the nodes need before they start")
    .command("ca")
    .description("create the nodes' certificate authority, and issue or renew their certificates")
    .option("--out <folder>", "create a new authority in this folder, which must not exist")
    .option("--authority <folder>", "use the authority in this folder: renewal, a new read replica")
    .option("--node <name...>", "only these nodes (default: all of both regions)")
    .option("--days <n>", "validity of the certificates", wholeDays, LEAF_DAYS)
    .option(
      "--publish",
      "store the certificates where nodes fetch them: Secrets Manager and Systems Manager",
      false,
    )
    .option("--also-trust <folder>", "make nodes trust the authority in this folder as well, before it signs")
    .option("--trust-only", "remove the nodes' trust in every other authority: see docs/certificates.md")
    .option("--project <dir>", "folder of Pulumi.yaml (default: this one, else the checkout)")
    .action(async ({ project, node, alsoTrust, trustOnly, ...flags }: CaFlags) => {
      const dir = project ? resolve(project) : existsSync("Pulumi.yaml") ? process.cwd() : REPO;
      const settings = parseSharedSettings("global", await readStackFiles("global", dir));
      // Loaded on use: the AWS clients take a while that `--help` needn't wait for.
      const { bootstrapAuthority } = await import("../../authority/bootstrap.js");
      await bootstrapAuthority({
        ...flags,
        nodes: node,
        alsoTrust,
        trustOnly,
        settings,
        report: (line) => console.log(line),
      });
    });
}

function wholeDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 3650)
    throw new InvalidArgumentError("must be a whole number of days, 1 to 3650.");
  return days;
}
