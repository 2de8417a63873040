/** Which calls page because somebody becomes the break-glass role: EventBridge patterns over CloudTrail. No Pulumi here. */
import type { Contract } from "../../settings/contract.js";
import { type Pattern, watchPrefix } from "./watched-calls.js";

/**
 * Also a refused try. STS writes the event in the region whose endpoint was called, and its global endpoint's in
 * us-east-1; the role trusts calls in no other region (`signInRegions`), so a rule in each sees them all.
 */
export const breakGlassPattern = (contract: Pick<Contract, "accountId" | "personRole">): Pattern => ({
  source: ["aws.sts"],
  "detail-type": ["AWS API Call via CloudTrail"],
  detail: {
    eventSource: ["sts.amazonaws.com"],
    eventName: [{ prefix: "AssumeRole" }],
    requestParameters: {
      roleArn: [`arn:aws:iam::${contract.accountId}:role/${contract.personRole("break-glass")}`],
    },
  },
});

/** Of the watch's prefix: topics admit it, and the pipeline can't remove it. */
export const breakGlassRule = (place: string): string => `${watchPrefix(place, "page")}break-glass`;
