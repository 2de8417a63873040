/** The vault of a region, in the account that the shell's credentials belong to. */
import { S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { UserError } from "../../common/errors.js";
import { clusterName } from "../../nodes/layout.js";
import { ANY_ACCOUNT, contractOf, type RegionContract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import { type RegionId, type RegionStackName, regionIdOf } from "../../settings/stacks.js";
import { VaultBucket } from "./bucket.js";

export interface OpenVault {
  readonly bucket: VaultBucket;
  /** Of the region's own repository; the vault also holds a copy of the other region's. */
  readonly prefix: string;
  /** Folders of its backups: the region's own, and the copies from the other region. */
  readonly backups: Readonly<Record<RegionId, string>>;
  /** How long the settings lock new objects. */
  readonly lockDays: number;
  close(): void;
}

const backupsOf = (region: RegionContract): string =>
  `${region.repositoryPath.slice(1)}/backup/${clusterName(region)}/`;

/** A region that is down accepts no connections; the caller has other places to look at. */
const REACHABLE = { requestHandler: { connectionTimeout: 3_000 } };

/** @param account part of the buckets' names */
export function vaultOf(
  settings: SharedSettings,
  account: string,
  stack: RegionStackName,
  s3: S3Client,
): OpenVault {
  const contract = contractOf(settings, account);
  const own = contract[regionIdOf(stack)];
  return {
    bucket: new VaultBucket(s3, own.vaultBucket),
    prefix: `${own.repositoryPath.slice(1)}/`,
    backups: { home: backupsOf(contract.home), recovery: backupsOf(contract.recovery) },
    lockDays: settings.backup.lockDays,
    close: () => s3.destroy(),
  };
}

/** @throws UserError when the account of the shell's credentials is unknown, or differs from the settings. */
export async function awsVault(settings: SharedSettings, stack: RegionStackName): Promise<OpenVault> {
  const { region } = contractOf(settings, ANY_ACCOUNT)[regionIdOf(stack)];
  return vaultOf(settings, await accountOf(settings, region), stack, new S3Client({ region, ...REACHABLE }));
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
      "the account of the shell's credentials is unknown",
      `${(error as Error).name}: ${(error as Error).message}`,
      "make `aws sts get-caller-identity` work in this shell; or pass --twin for the twin of this host",
    );
  } finally {
    sts.destroy();
  }
}
