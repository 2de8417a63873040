/** Lookups of networks by name, as stack `link` needs them. */
import { DescribeRouteTablesCommand, DescribeVpcsCommand, EC2Client, type Filter } from "@aws-sdk/client-ec2";
import type { Props } from "../values.js";
import type { AwsContext } from "./context.js";
import { tagMap } from "./handlers/read-back.js";

/** What all EC2 lookups take: ids by their own argument, tags, and filters as the API has them. */
function filtersOf(args: Props, ids: Readonly<Record<string, string>>): Filter[] {
  const byId = Object.entries(ids).flatMap(([argument, Name]) =>
    args[argument] ? [{ Name, Values: [String(args[argument])] }] : [],
  );
  const byTag = Object.entries(args.tags ?? {}).map(([key, value]) => ({
    Name: `tag:${key}`,
    Values: [value as string],
  }));
  const others = (args.filters ?? []).map(({ name, values }: Props) => ({ Name: name, Values: values }));
  return [...byId, ...byTag, ...others];
}

/** Messages as the provider's. */
function only<T>(found: readonly T[] | undefined, what: string): T {
  const [first, second] = found ?? [];
  if (second) {
    throw new Error(
      `multiple ${what}s matched; use additional constraints to reduce matches to a single ${what}`,
    );
  }
  if (!first) throw new Error(`no matching ${what} found`);
  return first;
}

export async function getVpc(aws: AwsContext, args: Props): Promise<Props> {
  const { Vpcs } = await aws.client(EC2Client).send(
    new DescribeVpcsCommand({
      VpcIds: args.id ? [args.id] : undefined,
      Filters: filtersOf(args, { cidrBlock: "cidr", state: "state", default: "is-default" }),
    }),
  );
  const vpc = only(Vpcs, "EC2 VPC");
  const id = vpc.VpcId as string;
  return {
    id,
    arn: aws.arn("ec2", `vpc/${id}`),
    cidrBlock: vpc.CidrBlock,
    default: vpc.IsDefault,
    dhcpOptionsId: vpc.DhcpOptionsId,
    instanceTenancy: vpc.InstanceTenancy,
    ownerId: vpc.OwnerId,
    state: vpc.State,
    region: aws.region,
    tags: tagMap(vpc.Tags),
  };
}

export async function getRouteTable(aws: AwsContext, args: Props): Promise<Props> {
  const { RouteTables } = await aws.client(EC2Client).send(
    new DescribeRouteTablesCommand({
      RouteTableIds: args.routeTableId ? [args.routeTableId] : undefined,
      Filters: filtersOf(args, { vpcId: "vpc-id", subnetId: "association.subnet-id" }),
    }),
  );
  const table = only(RouteTables, "EC2 Route Table");
  const id = table.RouteTableId as string;
  return {
    id,
    routeTableId: id,
    arn: aws.arn("ec2", `route-table/${id}`),
    vpcId: table.VpcId,
    subnetId: args.subnetId,
    gatewayId: args.gatewayId,
    ownerId: table.OwnerId,
    region: aws.region,
    routes: table.Routes?.map((route) => ({
      cidrBlock: route.DestinationCidrBlock,
      gatewayId: route.GatewayId,
      natGatewayId: route.NatGatewayId,
      vpcPeeringConnectionId: route.VpcPeeringConnectionId,
      transitGatewayId: route.TransitGatewayId,
    })),
    associations: table.Associations?.map((association) => ({
      main: association.Main,
      routeTableAssociationId: association.RouteTableAssociationId,
      routeTableId: association.RouteTableId,
      subnetId: association.SubnetId,
    })),
    tags: tagMap(table.Tags),
  };
}
