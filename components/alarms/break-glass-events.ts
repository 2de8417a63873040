/** Which calls page because somebody becomes the break-glass role: EventBridge patterns over CloudTrail. No Pulumi here. */
import type { Contract } from "../../settings/contract.js";
import type { Pattern } from "./vault-events.js";

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

export const breakGlassRule = (contract: Pick<Contract, "personRole">): string =>
  `${contract.personRole("break-glass")}-used`;

export const breakGlassRuleArn = (
  contract: Pick<Contract, "accountId" | "personRole">,
  region: string,
): string => `arn:aws:events:${region}:${contract.accountId}:rule/${breakGlassRule(contract)}`;
