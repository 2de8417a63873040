import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { LEAF_DAYS, STAGGER_DAYS } from "../../authority/authority.js";
import { UserError } from "../../common/errors.js";
import { statePolicy } from "../../components/access/state-policies.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { projectFolder, projectName, readStackFiles } from "../../settings/stack-files.js";

interface StateFlags {
  readonly bucket: string;
  readonly account?: string;
  readonly project?: string;
}

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
  const bootstrap = dr.command("bootstrap").description("create what must be there before a deployment");
  bootstrap
    .command("state-policy")
    .description("print the policy of the bucket with Pulumi's state: each pipeline role gets its own stack")
    .requiredOption("--bucket <name>", "the bucket")
    .option("--account <id>", "the AWS account (default: the setting accountId)")
    .option("--project <dir>", "folder of Pulumi.yaml (default: this one, else the checkout)")
    .action(printStatePolicy);
  bootstrap
    .command("ca")
    .description("create the nodes' certificate authority, and issue or renew their certificates")
    .option("--out <folder>", "create a new authority in this folder, which must not exist")
    .option("--authority <folder>", "use the authority in this folder: renewal, a new read replica")
    .option("--node <name...>", "only these nodes (default: all of both regions)")
    .option(
      "--days <n>",
      `validity of the home region's certificates; the recovery region's last ${STAGGER_DAYS} days longer`,
      wholeDays,
      LEAF_DAYS,
    )
    .option(
      "--publish",
      "store the certificates where nodes fetch them: Secrets Manager and Systems Manager",
      false,
    )
    .option("--also-trust <folder>", "make nodes trust the authority in this folder as well, before it signs")
    .option("--trust-only", "remove the nodes' trust in every other authority: see docs/certificates.md")
    .option("--project <dir>", "folder of Pulumi.yaml (default: this one, else the checkout)")
    .action(async ({ project, node, alsoTrust, trustOnly, ...flags }: CaFlags) => {
      const settings = parseSharedSettings("global", await readStackFiles("global", folderOf(project)));
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

const folderOf = (project: string | undefined): string => (project ? resolve(project) : projectFolder());

async function printStatePolicy({ bucket, account, project }: StateFlags): Promise<void> {
  const dir = folderOf(project);
  const settings = parseSharedSettings("global", await readStackFiles("global", dir));
  const accountId = account ?? settings.accountId;
  if (!accountId || !/^\d{12}$/.test(accountId))
    throw new UserError(
      `AWS account ${accountId ? `'${accountId}'` : "unknown"}`,
      "The policy names the roles of an account, by its 12 digits.",
      "name it with --account, or set accountId in Pulumi.yaml",
    );
  const contract = contractOf(settings, accountId);
  console.log(
    JSON.stringify(JSON.parse(statePolicy(contract, bucket, await projectName(dir))), undefined, 2),
  );
}

function wholeDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 3650)
    throw new InvalidArgumentError("must be a whole number of days, 1 to 3650.");
  return days;
}
