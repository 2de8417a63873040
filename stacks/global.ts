/** Stack `global`: what both regions share and what must outlive either. */
import type { SharedSettings } from "../settings/schema.js";
import { contractOf } from "./contract.js";
import type { StackOutputs } from "./program.js";
import { accountIdOf, awsProvider } from "./providers.js";

export async function globalStack(settings: SharedSettings): Promise<StackOutputs> {
  const home = awsProvider(settings, settings.regions.home);
  const contract = contractOf(settings, await accountIdOf(home));
  return { claimTable: contract.claimTable };
}
