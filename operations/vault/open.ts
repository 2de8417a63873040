/** The vault of a region: in the account that the shell's credentials belong to, or in the twin of this host. */
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { UserError } from "../../common/errors.js";
import { EMULATOR_CREDENTIALS } from "../../lab/twin/claims/store.js";
import { mustRun } from "../../lab/twin/control.js";
import { twinSettings } from "../../lab/twin/settings.js";
import { clusterName } from "../../nodes/layout.js";
import { contractOf, type RegionContract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import { type RegionId, type RegionStackName, regionIdOf } from "../../settings/stacks.js";
import { awsSettings } from "../places/aws.js";
import { projectFolder } from "../places/choose.js";
import { ANY_ACCOUNT } from "../places/place.js";
import { VaultBucket } from "./bucket.js";

export interface OpenVault {
  readonly bucket: VaultBucket;
  /** Of the region's own repository; the vault holds a copy of the other region's beside it. */
  readonly prefix: string;
  /** Folders of the backups in it: those that the region itself has made, and the copy of the other's. */
  readonly backups: Readonly<Record<RegionId, string>>;
  /** For how long new objects are to be locked. */
  readonly lockDays: number;
  close(): void;
}

const backupsOf = (region: RegionContract): string =>
  `${region.repositoryPath.slice(1)}/backup/${clusterName(region)}/`;

/** A region that is gone takes no connections; whoever asks has others to look at. */
const REACHABLE = { requestHandler: { connectionTimeout: 3_000 } };

/** @throws UserError when no twin runs, or when the account can't be told. */
export async function openVault(
  stack: RegionStackName,
  { twin = false }: { readonly twin?: boolean },
): Promise<OpenVault> {
  const settings = twin ? await twinSettings() : await awsSettings(projectFolder());
  const { region } = contractOf(settings, ANY_ACCOUNT)[regionIdOf(stack)];
  const s3 = twin ? await twinS3(region) : new S3Client({ region, ...REACHABLE });
  const account = twin ? ANY_ACCOUNT : await accountOf(settings, region);
  const contract = contractOf(settings, account);
  const own = contract[regionIdOf(stack)];
  const prefix = `${own.repositoryPath.slice(1)}/`;
  return {
    bucket: new VaultBucket(s3, own.vaultBucket),
    prefix,
    backups: { home: backupsOf(contract.home), recovery: backupsOf(contract.recovery) },
    lockDays: settings.backup.lockDays,
    close: () => s3.destroy(),
  };
}

async function twinS3(region: string): Promise<S3Client> {
  const { vaults } = await mustRun();
  return new S3Client({
    region,
    endpoint: vaults.endpoint,
    forcePathStyle: true,
    credentials: EMULATOR_CREDENTIALS,
    requestHandler: { httpsAgent: new Agent({ ca: readFileSync(vaults.authorityFile), keepAlive: true }) },
  });
}

async function accountOf({ accountId }: SharedSettings, region: string): Promise<string> {
  const sts = new STSClient({ region, ...REACHABLE });
  try {
    const { Account: account } = await sts.send(new GetCallerIdentityCommand({}));
    if (accountId === undefined || account === accountId) return account as string;
    throw new UserError(
      `the shell's credentials belong to account ${account}`,
      `accountId is ${accountId}.`,
      "use credentials of that account",
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      "AWS doesn't say whose credentials these are",
      `${(error as Error).name}: ${(error as Error).message}`,
      "see that `aws sts get-caller-identity` works in this shell; --twin looks at the twin of this host",
    );
  } finally {
    sts.destroy();
  }
}
