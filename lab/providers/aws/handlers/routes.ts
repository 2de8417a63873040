/**
 * Route tables, routes, associations with subnets, VPC endpoints.
 *
 * The emulator doesn't: route; know other destinations than IPv4 networks; refuse a second route to the
 * same destination (checked here instead); replace a route's target by a peering connection (here the
 * route is deleted and made again); keep an endpoint's policy, security groups or private DNS; give an
 * endpoint network interfaces and names.
 */
import { crc32 } from "node:zlib";
import * as ec2 from "@aws-sdk/client-ec2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { ec2Client, ec2Tagging, filters, taggedAs } from "./ec2-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, readBack, tagMap, told } from "./read-back.js";

/** What a route can lead to: our name and AWS's. */
const TARGETS = {
  gatewayId: "GatewayId",
  natGatewayId: "NatGatewayId",
  transitGatewayId: "TransitGatewayId",
  vpcPeeringConnectionId: "VpcPeeringConnectionId",
} as const;

/** Those of `routeTable.routes`, where the destination is called `cidrBlock`. */
const inlineRoute = (route: ec2.Route): Props =>
  told({ cidrBlock: route.DestinationCidrBlock, ...targetOf(route) });

const targetOf = (route: ec2.Route): Props =>
  Object.fromEntries(Object.entries(TARGETS).map(([ours, theirs]) => [ours, route[theirs]]));

const targetFor = (inputs: Props) =>
  Object.fromEntries(Object.entries(TARGETS).map(([ours, theirs]) => [theirs, inputs[ours] || undefined]));

async function findTable(aws: AwsContext, id: string): Promise<ec2.RouteTable | undefined> {
  const found = await unlessGone(
    ec2Client(aws).send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [id] })),
  );
  return found?.RouteTables?.[0];
}

async function createRoute(aws: AwsContext, RouteTableId: string, destination: string, inputs: Props) {
  await ec2Client(aws).send(
    new ec2.CreateRouteCommand({ RouteTableId, DestinationCidrBlock: destination, ...targetFor(inputs) }),
  );
}

const deleteRoute = (aws: AwsContext, RouteTableId: string, DestinationCidrBlock: string) =>
  unlessGone(ec2Client(aws).send(new ec2.DeleteRouteCommand({ RouteTableId, DestinationCidrBlock })));

const routeTable = readBack({
  replaceOn: ["vpcId"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { RouteTable } = await ec2Client(aws).send(
      new ec2.CreateRouteTableCommand({
        VpcId: inputs.vpcId,
        TagSpecifications: taggedAs(aws, "route-table", inputs),
      }),
    );
    return RouteTable?.RouteTableId as string;
  },
  async complete(aws, id, { routes = [] }) {
    for (const route of routes) await createRoute(aws, id, route.cidrBlock, route);
  },
  async read(aws, id, known) {
    const table = await findTable(aws, id);
    if (!table) return undefined;
    const routes = (table.Routes ?? []).filter(({ GatewayId }) => GatewayId !== "local").map(inlineRoute);
    return told({
      vpcId: table.VpcId,
      // Only where the routes are written inline: else they belong to separate resources.
      routes: known.routes && inOrderOf(known.routes, routes, ({ cidrBlock }) => cidrBlock),
      arn: aws.arn("ec2", `route-table/${id}`),
      ownerId: table.OwnerId,
      tagsAll: tagMap(table.Tags),
    });
  },
  async update(aws, id, news, olds) {
    if (!news.routes && !olds.routes) return;
    for (const { cidrBlock } of olds.routes ?? []) await deleteRoute(aws, id, cidrBlock);
    for (const route of news.routes ?? []) await createRoute(aws, id, route.cidrBlock, route);
  },
  delete: (aws, id) => unlessGone(ec2Client(aws).send(new ec2.DeleteRouteTableCommand({ RouteTableId: id }))),
});

const route = readBack({
  replaceOn: ["routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"],
  async make(aws, inputs) {
    const { routeTableId, destinationCidrBlock } = inputs;
    const table = await findTable(aws, routeTableId);
    if (table?.Routes?.some((other) => other.DestinationCidrBlock === destinationCidrBlock)) {
      throw Object.assign(
        new Error(`The route identified by ${destinationCidrBlock} already exists in ${routeTableId}.`),
        { name: "RouteAlreadyExists" },
      );
    }
    await createRoute(aws, routeTableId, destinationCidrBlock, inputs);
    return `r-${routeTableId}${crc32(destinationCidrBlock)}`;
  },
  async read(aws, id, known) {
    // An import names the route by table and destination.
    const [routeTableId, destinationCidrBlock] = known.routeTableId
      ? [known.routeTableId, known.destinationCidrBlock]
      : (id.split("_") as [string, string]);
    const table = await findTable(aws, routeTableId);
    const found = table?.Routes?.find((other) => other.DestinationCidrBlock === destinationCidrBlock);
    if (!found) return undefined;
    return told({
      routeTableId,
      destinationCidrBlock,
      ...targetOf(found),
      origin: found.Origin,
      state: found.State,
    });
  },
  async update(aws, _id, news) {
    await deleteRoute(aws, news.routeTableId, news.destinationCidrBlock);
    await createRoute(aws, news.routeTableId, news.destinationCidrBlock, news);
  },
  delete: (aws, _id, state) => deleteRoute(aws, state.routeTableId, state.destinationCidrBlock),
});

/**
 * The association of this id; once its table was exchanged, which gives it a new id, that of its subnet.
 * An import names it by subnet and table.
 */
async function findAssociation(aws: AwsContext, id: string, known: Props) {
  const by = async (filter: string, value: string, isIt: (it: ec2.RouteTableAssociation) => boolean) => {
    const request = new ec2.DescribeRouteTablesCommand({ Filters: filters({ [filter]: value }) });
    const { RouteTables = [] } = await ec2Client(aws).send(request);
    return RouteTables[0]?.Associations?.find(isIt);
  };
  const subnet = known.subnetId ?? id.split("/")[0];
  return (
    (await by("association.route-table-association-id", id, (it) => it.RouteTableAssociationId === id)) ??
    (await by("association.subnet-id", subnet, ({ SubnetId }) => SubnetId === subnet))
  );
}

const routeTableAssociation = readBack({
  replaceOn: ["subnetId", "gatewayId"],
  async make(aws, { routeTableId, subnetId, gatewayId }) {
    const { AssociationId } = await ec2Client(aws).send(
      new ec2.AssociateRouteTableCommand({
        RouteTableId: routeTableId,
        SubnetId: subnetId,
        GatewayId: gatewayId,
      }),
    );
    return AssociationId as string;
  },
  async read(aws, id, known) {
    const found = await findAssociation(aws, id, known);
    return (
      found &&
      told({ routeTableId: found.RouteTableId, subnetId: found.SubnetId, gatewayId: found.GatewayId })
    );
  },
  async update(aws, id, news, olds) {
    const found = await findAssociation(aws, id, olds);
    await ec2Client(aws).send(
      new ec2.ReplaceRouteTableAssociationCommand({
        AssociationId: found?.RouteTableAssociationId,
        RouteTableId: news.routeTableId,
      }),
    );
  },
  async delete(aws, id, state) {
    const found = await findAssociation(aws, id, state);
    if (!found) return;
    await ec2Client(aws).send(
      new ec2.DisassociateRouteTableCommand({ AssociationId: found.RouteTableAssociationId }),
    );
  },
});

const vpcEndpoint = readBack({
  replaceOn: ["vpcId", "serviceName", "vpcEndpointType", "serviceRegion"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { VpcEndpoint } = await ec2Client(aws).send(
      new ec2.CreateVpcEndpointCommand({
        VpcId: inputs.vpcId,
        ServiceName: inputs.serviceName,
        VpcEndpointType: inputs.vpcEndpointType,
        RouteTableIds: inputs.routeTableIds,
        SubnetIds: inputs.subnetIds,
        SecurityGroupIds: inputs.securityGroupIds,
        PolicyDocument: inputs.policy,
        PrivateDnsEnabled: inputs.privateDnsEnabled,
        TagSpecifications: taggedAs(aws, "vpc-endpoint", inputs),
      }),
    );
    return VpcEndpoint?.VpcEndpointId as string;
  },
  async read(aws, id, known) {
    const client = ec2Client(aws);
    const found = await unlessGone(
      client.send(new ec2.DescribeVpcEndpointsCommand({ VpcEndpointIds: [id] })),
    );
    const endpoint = found?.VpcEndpoints?.[0];
    if (!endpoint) return undefined;
    const gateway = endpoint.VpcEndpointType === "Gateway";
    const lists = gateway
      ? await client.send(
          new ec2.DescribePrefixListsCommand({
            Filters: filters({ "prefix-list-name": endpoint.ServiceName as string }),
          }),
        )
      : undefined;
    return told({
      vpcId: endpoint.VpcId,
      serviceName: endpoint.ServiceName,
      vpcEndpointType: endpoint.VpcEndpointType,
      ...(gateway
        ? { routeTableIds: inOrderOf(known.routeTableIds, endpoint.RouteTableIds) }
        : { subnetIds: inOrderOf(known.subnetIds, endpoint.SubnetIds) }),
      prefixListId: lists?.PrefixLists?.[0]?.PrefixListId,
      arn: aws.arn("ec2", `vpc-endpoint/${id}`),
      state: endpoint.State,
      ownerId: endpoint.OwnerId,
      tagsAll: tagMap(endpoint.Tags),
    });
  },
  async update(aws, id, news, olds) {
    const [tables, subnets, groups] = ["routeTableIds", "subnetIds", "securityGroupIds"].map((name) =>
      changes(olds[name], news[name]),
    );
    await ec2Client(aws).send(
      new ec2.ModifyVpcEndpointCommand({
        VpcEndpointId: id,
        AddRouteTableIds: tables?.added,
        RemoveRouteTableIds: tables?.removed,
        AddSubnetIds: subnets?.added,
        RemoveSubnetIds: subnets?.removed,
        AddSecurityGroupIds: groups?.added,
        RemoveSecurityGroupIds: groups?.removed,
        PolicyDocument: news.policy,
        PrivateDnsEnabled: news.privateDnsEnabled,
      }),
    );
  },
  delete: (aws, id) =>
    unlessGone(ec2Client(aws).send(new ec2.DeleteVpcEndpointsCommand({ VpcEndpointIds: [id] }))),
});

/** What to add and to remove to come from one set to the other. */
function changes(olds: readonly string[] = [], news: readonly string[] = []) {
  const without = (a: readonly string[], b: readonly string[]) => a.filter((item) => !b.includes(item));
  return { added: without(news, olds), removed: without(olds, news) };
}

export const routeHandlers: Record<string, AwsHandler> = {
  "aws:ec2/routeTable:RouteTable": routeTable,
  "aws:ec2/route:Route": route,
  "aws:ec2/routeTableAssociation:RouteTableAssociation": routeTableAssociation,
  "aws:ec2/vpcEndpoint:VpcEndpoint": vpcEndpoint,
};
