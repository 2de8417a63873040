/** Stack `link`: what needs both regions at once. */
import * as ec2 from "@pulumi/aws/ec2/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { type LinkEnd, RegionLink } from "../components/region-link.js";
import { contractOf, type RegionContract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { StackOutputs } from "./outputs.js";
import { accountIdOf, awsProvider } from "./providers.js";

export async function linkStack(settings: SharedSettings): Promise<StackOutputs> {
  const homeProvider = awsProvider(settings, settings.regions.home);
  const recoveryProvider = awsProvider(settings, settings.regions.recovery);
  const contract = contractOf(settings, await accountIdOf(homeProvider));
  const [home, recovery] = await Promise.all([
    findEnd(contract.home, homeProvider),
    findEnd(contract.recovery, recoveryProvider),
  ]);
  const link = new RegionLink("link", { home, recovery });
  return { regions: settings.regions, peeringConnectionId: link.connectionId };
}

/**
 * Finds a region's VPC and route tables by the names in the contract, asking AWS, not another stack's state.
 * @throws Error that says to deploy the region first when something isn't there.
 */
async function findEnd(region: RegionContract, provider: pulumi.ProviderResource): Promise<LinkEnd> {
  const look = async <T>(what: string, lookup: () => Promise<T>): Promise<T> => {
    try {
      return await lookup();
    } catch (error) {
      throw new Error(
        `${what} can't be found in ${region.region}\n  ${(error as Error).message}\n  → deploy stacks prod and dr first (missing here: ${region.stack}); link joins the networks that they make`,
      );
    }
  };
  const vpc = await look(`VPC '${region.vpcName}'`, () =>
    ec2.getVpc({ tags: { Name: region.vpcName } }, { provider }),
  );
  const names = [...region.privateRouteTableNames, ...region.dataRouteTableNames];
  const routeTables = await Promise.all(
    names.map(async (name) => {
      const { routeTableId } = await look(`route table '${name}'`, () =>
        ec2.getRouteTable({ vpcId: vpc.id, tags: { Name: name } }, { provider }),
      );
      return { name, id: routeTableId };
    }),
  );
  return { region: region.region, vpcId: vpc.id, cidr: region.cidr, routeTables, provider };
}
