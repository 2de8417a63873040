/**
 * A region's network: one VPC over three zones with public, private and data subnets.
 *
 * | tier | holds | reaches |
 * |-|-|-|
 * | public | load balancer, NAT gateways | internet |
 * | private | Tomcat | AWS services, the other region |
 * | data | database nodes | AWS services, the other region |
 *
 * Each zone has its own route tables, so the loss of a zone takes no other zone's way out with it. With
 * `egress: nat` the data tier has that way out too: a guard must be able to read the *other* region's
 * replica of the claim table when its own region's DynamoDB fails, and gateway endpoints serve only their
 * own region. What leaves is limited to HTTPS by the network ACL and the security group.
 */
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Contract, RegionContract } from "../settings/contract.js";
import type { SharedSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { dataNetworkAcl } from "./database-flows.js";
import { VpcEndpoints } from "./vpc-endpoints.js";

export interface NetworkArgs {
  readonly settings: Pick<SharedSettings, "network" | "restoreTest">;
  readonly contract: Contract;
  /** Which of the two regions to build. */
  readonly region: RegionId;
  /** KMS key in this region for the flow logs; its policy must admit CloudWatch Logs. */
  readonly dataKeyArn: pulumi.Input<string>;
}

interface ZoneRoutes {
  readonly zone: string;
  readonly private: ec2.RouteTable;
  readonly data: ec2.RouteTable;
}

export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** One per zone, in the order of the contract's zones. */
  readonly publicSubnetIds: readonly pulumi.Output<string>[];
  readonly privateSubnetIds: readonly pulumi.Output<string>[];
  readonly dataSubnetIds: readonly pulumi.Output<string>[];

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:network:Network", name, {}, opts);
    const region = args.contract[args.region];
    const nat = args.settings.network.egress === "nat";

    const vpc = this.createVpc(name, region);
    this.lockDefaultSecurityGroup(name, vpc);
    const publicSubnets = this.createSubnets(name, vpc, "public", region.zones, region.publicCidrs);
    const privateSubnets = this.createSubnets(name, vpc, "private", region.zones, region.privateCidrs);
    const dataSubnets = this.createSubnets(name, vpc, "data", region.zones, region.dataCidrs);
    const publicSubnetIds = this.routePublicSubnets(name, vpc, publicSubnets, region);
    const routes = this.createZoneRoutes(name, vpc, privateSubnets, dataSubnets, region);
    if (nat) this.createNatPerZone(name, publicSubnetIds, routes);
    this.createEndpoints(name, vpc, args, routes, nat ? [] : privateSubnets);
    this.createDataNetworkAcl(name, vpc, dataSubnets, args);
    this.createFlowLog(name, vpc, args);

    this.vpcId = vpc.id;
    this.publicSubnetIds = publicSubnetIds;
    this.privateSubnetIds = privateSubnets.map(({ id }) => id);
    this.dataSubnetIds = dataSubnets.map(({ id }) => id);
    this.registerOutputs({ vpcId: this.vpcId });
  }

  private createVpc(name: string, region: RegionContract): ec2.Vpc {
    return new ec2.Vpc(
      `${name}-vpc`,
      {
        cidrBlock: region.cidr,
        enableDnsSupport: true,
        enableDnsHostnames: true,
        // Stack `link` finds the VPC by this name.
        tags: { Name: region.vpcName },
      },
      { parent: this },
    );
  }

  /** Nothing uses the default group; without rules, nothing that lands in it by mistake can talk. */
  private lockDefaultSecurityGroup(name: string, vpc: ec2.Vpc): void {
    new ec2.DefaultSecurityGroup(
      `${name}-default-sg`,
      { vpcId: vpc.id, ingress: [], egress: [], tags: { Name: "default-unused" } },
      { parent: this },
    );
  }

  private createSubnets(
    name: string,
    vpc: ec2.Vpc,
    tier: "public" | "private" | "data",
    zones: readonly string[],
    cidrs: readonly string[],
  ): ec2.Subnet[] {
    return zones.map(
      (zone, i) =>
        new ec2.Subnet(
          `${name}-${tier}-${zone}`,
          {
            vpcId: vpc.id,
            availabilityZone: zone,
            cidrBlock: cidrs[i] as string,
            // Load balancer and NAT gateways bring their own public addresses.
            mapPublicIpOnLaunch: false,
            tags: { Name: `${name}-${tier}-${zone}`, tier },
          },
          { parent: this },
        ),
    );
  }

  /** @returns the subnets' ids, known once the way to the internet is: gateways and load balancers need it. */
  private routePublicSubnets(
    name: string,
    vpc: ec2.Vpc,
    subnets: readonly ec2.Subnet[],
    region: RegionContract,
  ): pulumi.Output<string>[] {
    const gateway = new ec2.InternetGateway(
      `${name}-igw`,
      { vpcId: vpc.id, tags: { Name: region.vpcName } },
      { parent: this },
    );
    const table = new ec2.RouteTable(
      `${name}-public`,
      { vpcId: vpc.id, tags: { Name: `${region.vpcName}-public` } },
      { parent: this },
    );
    const internet = new ec2.Route(
      `${name}-public-internet`,
      { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id },
      { parent: this },
    );
    return subnets.map((subnet, i) => {
      this.associate(`${name}-public-${region.zones[i]}`, subnet, table);
      return pulumi.all([subnet.id, internet.id]).apply(([id]) => id);
    });
  }

  private createZoneRoutes(
    name: string,
    vpc: ec2.Vpc,
    privateSubnets: readonly ec2.Subnet[],
    dataSubnets: readonly ec2.Subnet[],
    region: RegionContract,
  ): ZoneRoutes[] {
    // Routes are separate resources, none is inline: stack `link` adds its routes to the same tables.
    const table = (tier: "private" | "data", i: number, subnet: ec2.Subnet) => {
      const child = `${name}-${tier}-${region.zones[i]}`;
      const created = new ec2.RouteTable(
        child,
        { vpcId: vpc.id, tags: { Name: region[`${tier}RouteTableNames`][i] as string } },
        { parent: this },
      );
      this.associate(child, subnet, created);
      return created;
    };
    return region.zones.map((zone, i) => ({
      zone,
      private: table("private", i, privateSubnets[i] as ec2.Subnet),
      data: table("data", i, dataSubnets[i] as ec2.Subnet),
    }));
  }

  private createNatPerZone(
    name: string,
    publicSubnetIds: readonly pulumi.Output<string>[],
    routes: readonly ZoneRoutes[],
  ): void {
    routes.forEach(({ zone, ...tables }, i) => {
      const tags = { Name: `${name}-nat-${zone}` };
      const address = new ec2.Eip(`${name}-nat-${zone}`, { domain: "vpc", tags }, { parent: this });
      const gateway = new ec2.NatGateway(
        `${name}-nat-${zone}`,
        { subnetId: publicSubnetIds[i] as pulumi.Output<string>, allocationId: address.id, tags },
        { parent: this },
      );
      for (const tier of ["private", "data"] as const) {
        new ec2.Route(
          `${name}-${tier}-${zone}-nat`,
          {
            routeTableId: tables[tier].id,
            destinationCidrBlock: "0.0.0.0/0",
            natGatewayId: gateway.id,
          },
          { parent: this },
        );
      }
    });
  }

  private createEndpoints(
    name: string,
    vpc: ec2.Vpc,
    args: NetworkArgs,
    routes: readonly ZoneRoutes[],
    interfaceSubnets: readonly ec2.Subnet[],
  ): void {
    const region = args.contract[args.region];
    new VpcEndpoints(
      `${name}-endpoint`,
      {
        region: region.region,
        accountId: args.contract.accountId,
        vpcId: vpc.id,
        vpcCidr: region.cidr,
        routeTableIds: routes.flatMap((tables) => [tables.private.id, tables.data.id]),
        restoreTests: args.settings.restoreTest.everyHours > 0,
        interfaceSubnetIds: interfaceSubnets.map(({ id }) => id),
      },
      { parent: this },
    );
  }

  private createDataNetworkAcl(
    name: string,
    vpc: ec2.Vpc,
    subnets: readonly ec2.Subnet[],
    args: NetworkArgs,
  ): void {
    const { ingress, egress } = dataNetworkAcl(args.contract, args.region);
    new ec2.NetworkAcl(
      `${name}-data-acl`,
      {
        vpcId: vpc.id,
        subnetIds: subnets.map(({ id }) => id),
        // Inline, so that a rule added by hand shows up as drift.
        ingress: [...ingress],
        egress: [...egress],
        tags: { Name: `${name}-data` },
      },
      { parent: this },
    );
  }

  /**
   * To CloudWatch Logs, not S3: who looks into an incident can query at once, retention is one number, and
   * the role this needs is found by its derived name, while S3 would need one more bucket per region.
   */
  private createFlowLog(name: string, vpc: ec2.Vpc, { settings, contract, ...args }: NetworkArgs): void {
    const region = contract[args.region];
    const group = new cloudwatch.LogGroup(
      `${name}-flow-logs`,
      {
        name: region.flowLogGroup,
        retentionInDays: settings.network.flowLogRetentionDays,
        kmsKeyId: args.dataKeyArn,
      },
      { parent: this },
    );
    new ec2.FlowLog(
      `${name}-flow-log`,
      {
        vpcId: vpc.id,
        trafficType: "ALL",
        logDestinationType: "cloud-watch-logs",
        logDestination: group.arn,
        iamRoleArn: `arn:aws:iam::${contract.accountId}:role/${region.flowLogRole}`,
        maxAggregationInterval: 60,
        tags: { Name: region.vpcName },
      },
      { parent: this },
    );
  }

  private associate(name: string, subnet: ec2.Subnet, table: ec2.RouteTable): void {
    new ec2.RouteTableAssociation(name, { subnetId: subnet.id, routeTableId: table.id }, { parent: this });
  }
}
