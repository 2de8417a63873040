/** /etc/dr/restore-test.json: the checks of dr-restore-test, and where its report goes. That script reads this shape. */

import { type Contract, REPOSITORY_FOLDERS } from "../../settings/contract.js";
import type { SharedSettings } from "../../settings/schema.js";
import type { RegionId } from "../../settings/stacks.js";
import { clusterName, IMAGE_PATHS, otherOf } from "../layout.js";

export const RESTORE_TEST_FILE = `${IMAGE_PATHS.config}/restore-test.json`;

export const renderRestoreTest = (
  { restoreTest }: Pick<SharedSettings, "restoreTest">,
  contract: Contract,
  id: RegionId,
): string => {
  const region = contract[id];
  return `${JSON.stringify({
    bucket: region.vaultBucket,
    prefix: `${region.repositoryPath.slice(1)}/${REPOSITORY_FOLDERS.restoreTests}`,
    stanzas: [region, otherOf(contract, region)].map(clusterName),
    escrowParameter: contract.escrowParameter,
    maxSeconds: restoreTest.maxSeconds,
    checks: restoreTest.checks,
  })}\n`;
};
