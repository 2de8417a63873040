/** The files that a restore machine gets at boot. */
import type { Contract } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { IMAGE_PATHS, type NodeFile, readableFile } from "../layout.js";
import { CLOUDWATCH_FILE, renderRestoreCloudwatch } from "./cloudwatch.js";
import { NODE_ENV_FILE, renderRestoreEnv } from "./node-env.js";
import { renderRestoringPgbackrest } from "./pgbackrest.js";
import { RESTORE_TEST_FILE, renderRestoreTest } from "./restore-test.js";

/** Every file of a restore machine: it belongs to no cluster, and no machine connects to it. */
export function restoreFiles(settings: SharedSettings, contract: Contract, region: RegionId): NodeFile[] {
  return [
    readableFile(NODE_ENV_FILE, renderRestoreEnv(contract, region)),
    readableFile(IMAGE_PATHS.pgbackrest, renderRestoringPgbackrest(settings, contract, contract[region])),
    readableFile(RESTORE_TEST_FILE, renderRestoreTest(settings, contract, region)),
    readableFile(CLOUDWATCH_FILE, renderRestoreCloudwatch(contract, region)),
  ];
}
