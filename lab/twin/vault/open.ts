/** The vault of a region of the twin that runs on this host, for operators' commands. */
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { S3Client } from "@aws-sdk/client-s3";
import { type OpenVault, vaultOf } from "../../../operations/vault/open.js";
import { ANY_ACCOUNT, contractOf } from "../../../settings/contract.js";
import type { SharedSettings } from "../../../settings/schema.js";
import { type RegionStackName, regionIdOf } from "../../../settings/stacks.js";
import { EMULATOR_CREDENTIALS } from "../claims/store.js";
import { mustRun } from "../control.js";

/** @throws UserError when no twin runs. */
export async function twinVault(settings: SharedSettings, stack: RegionStackName): Promise<OpenVault> {
  const { vaults } = await mustRun();
  const s3 = new S3Client({
    region: contractOf(settings, ANY_ACCOUNT)[regionIdOf(stack)].region,
    endpoint: vaults.endpoint,
    forcePathStyle: true,
    credentials: EMULATOR_CREDENTIALS,
    requestHandler: { httpsAgent: new Agent({ ca: readFileSync(vaults.authorityFile), keepAlive: true }) },
  });
  return vaultOf(settings, ANY_ACCOUNT, stack, s3);
}
