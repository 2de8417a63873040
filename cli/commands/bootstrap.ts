import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { LEAF_DAYS, STAGGER_DAYS } from "../../authority/authority.js";
import { UserError } from "../../common/errors.js";
import { REPO } from "../../common/paths.js";
import { statePolicy, statePolicyWithoutRoles } from "../../components/access/state-policies.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { isTrusting } from "../../settings/schema.js";
import { projectFolder, projectName, readStackFiles, settingsFiles } from "../../settings/stack-files.js";

/** Long enough to notice an attack and to copy the state; a version that holds too much is gone in a month. */
const STATE_LOCK_DAYS = 30;

interface StateFlags {
  readonly bucket?: string;
  readonly lockDays: number;
  readonly check?: boolean;
  readonly account?: string;
  readonly project?: string;
}

interface SecretsFlags {
  readonly check?: boolean;
  readonly json?: boolean;
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

interface EscrowFlags {
  to?: string[];
  out?: string;
  authority?: string;
  verify?: string;
  identity?: string;
  check: boolean;
  project?: string;
}

export function addBootstrap(dr: Command): void {
  const bootstrap = dr.command("bootstrap").description("create what must be there before a deployment");
  bootstrap
    .command("state-bucket")
    .description(
      "create or protect the bucket of Pulumi's state, in the witness region; each pipeline role gets its own stack",
    )
    .option("--bucket <name>", "the bucket (default: the setting pipeline.stateBucket)")
    .option("--account <id>", "the AWS account (default: the setting accountId)")
    .option(
      "--lock-days <n>",
      "days for which no user, not even root, can delete a version",
      wholeDays,
      STATE_LOCK_DAYS,
    )
    .option("--check", "write nothing; exit 1 and name what differs")
    .option("--project <dir>", "folder of Pulumi.yaml (default: this one, else the checkout)")
    .action(stateBucket);
  bootstrap
    .command("secrets")
    .description("give each password that has no value yet its first one; never change one")
    .option("--check", "write nothing; exit 1 and name the secrets without a value")
    .option("--json", "print the names as JSON")
    .option("--project <dir>", "folder of Pulumi.yaml (default: this one, else the checkout)")
    .action(fillSecrets);
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
  bootstrap
    .command("escrow")
    .description(
      "seal what a restore needs when the account is gone, for custody outside AWS; verify it, check that it was verified",
    )
    .option("--to <recipient...>", "seal to these public keys, which age-keygen prints (age1…)")
    .option("--out <file>", "the new file, with --to")
    .option("--authority <folder>", "seal the nodes' certificate authority as well, with --to")
    .option("--verify <file>", "open this escrow, compare it with what is live, and record that")
    .option("--identity <file>", "a recipient's secret key, with --verify")
    .option(
      "--check",
      "fail when the last verification is missing, too old, or before a new passphrase",
      false,
    )
    .option("--project <dir>", "folder of Pulumi.yaml (default: this one, else the checkout)")
    .action(runEscrow);
}

async function runEscrow({
  to,
  out,
  authority,
  verify,
  identity,
  check,
  project,
}: EscrowFlags): Promise<void> {
  const modes = [
    to !== undefined || out !== undefined,
    verify !== undefined || identity !== undefined,
    check,
  ];
  if (
    modes.filter(Boolean).length !== 1 ||
    (modes[0] && !(to && out)) ||
    (modes[1] && !(verify && identity))
  ) {
    throw new UserError(
      "the options don't say what to do",
      "An escrow is sealed (--to and --out), verified (--verify and --identity) or checked (--check).",
      "pass the options of one of these: npx dr bootstrap escrow --help",
    );
  }
  if (authority !== undefined && !to) {
    throw new UserError(
      "--authority without --to",
      "The authority is compared with the published one, not with a folder.",
      "leave it out, or seal with --to and --out",
    );
  }
  const dir = folderOf(project);
  const settings = parseSharedSettings("global", await readStackFiles("global", dir));
  const report = (line: string) => console.log(line);
  const { checkEscrow, sealEscrow, verifyEscrow } = await import("../../escrow/bootstrap.js");
  if (check) return checkEscrow({ settings, report });
  const files = await settingsFiles(dir);
  if (verify && identity) return verifyEscrow({ settings, report, files, file: verify, identity });
  const { version } = JSON.parse(await readFile(join(REPO, "package.json"), "utf8")) as { version: string };
  const sealed = { name: await projectName(dir), version };
  await sealEscrow({
    settings,
    report,
    files,
    project: sealed,
    to: to as string[],
    out: out as string,
    authority,
  });
}

async function fillSecrets({ check = false, json, project }: SecretsFlags): Promise<void> {
  const settings = parseSharedSettings("global", await readStackFiles("global", folderOf(project)));
  const { bootstrapSecrets } = await import("../../credentials/bootstrap.js");
  const result = await bootstrapSecrets({ settings, check });
  if (check && result.empty.length > 0) process.exitCode = 1;
  if (json) return console.log(JSON.stringify(result, undefined, 2));
  for (const name of result.filled) console.log(`${name}: filled`);
  for (const name of result.empty) console.log(`${name}: empty`);
  console.log(`${result.kept.length} had a value and keep it`);
  if (result.empty.length > 0) console.log("fill the empty ones: npx dr bootstrap secrets");
}

const folderOf = (project: string | undefined): string => (project ? resolve(project) : projectFolder());

async function stateBucket({ lockDays, check, project, ...flags }: StateFlags): Promise<void> {
  const dir = folderOf(project);
  const settings = parseSharedSettings("global", await readStackFiles("global", dir));
  const { pipeline, regions } = settings;
  const accountId = flags.account ?? settings.accountId;
  if (!accountId || !/^\d{12}$/.test(accountId))
    throw new UserError(
      `AWS account ${accountId ? `'${accountId}'` : "unknown"}`,
      "The policy names the roles of an account, by its 12 digits.",
      "name it with --account, or set accountId in Pulumi.yaml",
    );
  const bucket = flags.bucket ?? pipeline.stateBucket;
  if (!bucket)
    throw new UserError(
      "no bucket",
      "Neither --bucket nor the setting pipeline.stateBucket names it.",
      "pass --bucket",
    );
  const contract = contractOf(settings, accountId);
  const withoutRoles = statePolicyWithoutRoles(contract, bucket);
  const drOperator = isTrusting(settings.people.trust) ? contract.personRole("dr-operator") : undefined;
  const policies = pipeline.repository
    ? [statePolicy(contract, bucket, await projectName(dir), drOperator), withoutRoles]
    : [withoutRoles];
  const { makeStateBucket, stateBucketDifferences } = await import("../../operations/state-bucket.js");
  const args = { bucket, region: regions.witness, accountId, policies, lockDays };
  if (check) {
    const differences = await stateBucketDifferences(args, 0);
    for (const line of differences) console.log(line);
    if (differences.length > 0) process.exitCode = 1;
    else console.log(`${bucket}: as it should be`);
    return;
  }
  const { assertAccount } = await import("../../common/account.js");
  await assertAccount(regions.witness, accountId);
  const taken = await makeStateBucket(args);
  console.log(`${bucket}: versioned, locked for ${lockDays} days, encrypted, closed to the public`);
  if (taken > 0)
    console.log("the pipeline's roles don't exist yet: run this again after pulumi up --stack global");
}

function wholeDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 3650)
    throw new InvalidArgumentError("must be a whole number of days, 1 to 3650.");
  return days;
}
