/** What goes into an escrow, and the instructions in it, from settings and secrets. Pure. */
import type { Authority } from "../authority/authority.js";
import { clusterName } from "../nodes/layout.js";
import type { Contract } from "../settings/contract.js";
import type { EscrowContents } from "./sealed.js";

export interface ContentsArgs {
  /** With the account that the buckets' names have. */
  readonly contract: Contract;
  readonly project: EscrowContents["project"];
  readonly files: EscrowContents["settings"];
  readonly passphrase: string;
  readonly authority?: Authority;
}

export function contentsOf({
  contract,
  project,
  files,
  passphrase,
  authority,
}: ContentsArgs): EscrowContents {
  const { copy } = contract;
  const places: EscrowContents["places"] = {
    accountId: contract.accountId,
    regions: [contract.home, contract.recovery].map((region) => ({
      id: region.id,
      region: region.region,
      vaultBucket: region.vaultBucket,
      stanza: clusterName(region),
      repositoryPath: region.repositoryPath,
    })),
    copy: copy && {
      accountId: copy.accountId,
      bucket: copy.vaultBucket,
      region: copy.region,
      keyArn: copy.keyAliasArn,
    },
  };
  return { readme: readme(project, places), project, passphrase, authority, places, settings: files };
}

function readme({ name, version }: EscrowContents["project"], places: EscrowContents["places"]): string {
  const { copy, regions } = places;
  return `This is the escrow of ${name}, version ${version}: what a restore needs when the AWS account
${places.accountId}, its secrets and Pulumi's state are gone. Who has it can read every backup.

With the project
  1. Get the project in this version, and run \`npm ci\`.
  2. Write the files under \`settings\` into its folder.
  3. Follow runbooks/account-gone.md.

Without the project
  1. Install PostgreSQL and pgBackRest, of the same major version or newer.
  2. Write pgbackrest.conf as below. \`passphrase\` is in this file.
  3. pgbackrest --stanza=<stanza> info shows the backups; pgbackrest --stanza=<stanza> restore restores the
     newest. The stanza with the newest backup is the region that was active last.

     [global]
     repo1-type=s3
     repo1-path=<repositoryPath>
     repo1-s3-bucket=${copy?.bucket ?? "<a vault's bucket>"}
     repo1-s3-region=${copy?.region ?? "<its region>"}
     repo1-s3-endpoint=s3.${copy?.region ?? "<its region>"}.amazonaws.com
     repo1-cipher-type=aes-256-cbc
     repo1-cipher-pass=<passphrase>
     [<stanza>]
     pg1-path=<an empty folder>

Where the backups are
${copy ? `  third copy: s3://${copy.bucket} in account ${copy.accountId}, ${copy.region}, key ${copy.keyArn}` : "  There is no third copy (backup.copyTo): only the vaults, which are in the lost account."}
${regions.map((each) => `  ${each.id}: s3://${each.vaultBucket}, stanza ${each.stanza}, path ${each.repositoryPath}`).join("\n")}

The databases' passwords aren't here: a restore sets new ones.
`;
}
