/** Which calls page because they read the decoy: an EventBridge pattern over CloudTrail's records. No Pulumi here. */
import type { Contract, RegionContract } from "../../settings/contract.js";
import { watchPrefix } from "./watched-calls.js";

/** Of the watch's prefix: topics admit it, and the pipeline can't remove it. */
export const decoyRuleName = (region: Pick<RegionContract, "vpcName">): string =>
  `${watchPrefix(region.vpcName, "page")}decoy-read`;

/**
 * Reads, done or refused, by anybody: no role, no program and no deployment reads the decoy. The request has the secret's
 * name or its ARN, as the caller wrote it; a refused one may have it in the error alone. A read of many secrets
 * at once is recorded as one read of each.
 */
export function decoyEventPattern({ decoySecret }: Pick<Contract, "decoySecret">) {
  const named = [{ wildcard: `*${decoySecret}*` }];
  return {
    source: ["aws.secretsmanager"],
    "detail-type": ["AWS API Call via CloudTrail"],
    detail: {
      eventSource: ["secretsmanager.amazonaws.com"],
      eventName: ["GetSecretValue"],
      $or: [{ requestParameters: { secretId: named } }, { errorMessage: named }],
    },
  };
}
