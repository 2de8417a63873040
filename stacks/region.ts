/** Stacks `prod` and `dr`: one region, complete. */
import { Network } from "../components/network.js";
import type { RegionSettings } from "../settings/schema.js";
import { type RegionStackName, regionIdOf } from "../settings/stacks.js";
import { contractOf } from "./contract.js";
import { readHandoff } from "./handoff.js";
import type { StackOutputs } from "./program.js";
import { accountIdOf, awsProvider } from "./providers.js";

export async function regionStack(stack: RegionStackName, settings: RegionSettings): Promise<StackOutputs> {
  const id = regionIdOf(stack);
  const provider = awsProvider(settings, settings.regions[id]);
  const contract = contractOf(settings, await accountIdOf(provider));
  const handoff = await readHandoff(contract.handoffParameter, settings.regions[id], provider);

  const network = new Network(
    "network",
    { settings, contract, region: id, dataKeyArn: handoff.dataKeyArn },
    { provider },
  );

  return { hostname: contract[id].hostname, vpcId: network.vpcId };
}
