/** Explicit AWS providers, one per region. A provider's region never changes: that replaces everything. */
import * as aws from "@pulumi/aws";
import type { SharedSettings } from "../settings/schema.js";

/** Makes a provider for one region, with the project's tags, bound to the account when settings name one. */
export function awsProvider(settings: SharedSettings, region: string): aws.Provider {
  return new aws.Provider(`aws-${region}`, {
    region: region as aws.Region,
    allowedAccountIds: settings.accountId ? [settings.accountId] : undefined,
    defaultTags: { tags: { project: settings.name, "managed-by": "pulumi", ...settings.tags } },
  });
}

/** The account that the provider's credentials belong to, asked in the provider's own region. */
export async function accountIdOf(provider: aws.Provider): Promise<string> {
  return (await aws.getCallerIdentity({}, { provider })).accountId;
}
