import * as ec2 from "@aws-sdk/client-ec2";
import { beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import type { Props } from "../../../lab/providers/values.js";
import { awsPlugin, HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";
import { type Lifecycle, live, Resource } from "../support/resource.js";

useEmulator();
let aws: AwsPlugin;
let peer: AwsPlugin;
let client: ec2.EC2Client;
beforeAll(async () => {
  aws = await awsPlugin(HOME);
  peer = await awsPlugin(RECOVERY);
  client = sdk(ec2.EC2Client);
});

const made = (type: string, inputs: Props, plugin = aws) => new Resource(plugin, type).create(inputs);
const vpc = (cidrBlock = "10.1.0.0/16", plugin = aws) => made("aws:ec2/vpc:Vpc", { cidrBlock }, plugin);
const subnet = (vpcId: string, cidrBlock = "10.1.1.0/24") =>
  made("aws:ec2/subnet:Subnet", { vpcId, cidrBlock, availabilityZone: `${HOME}a` });
const routeTable = (vpcId: string) => made("aws:ec2/routeTable:RouteTable", { vpcId });
const gateway = (vpcId: string) => made("aws:ec2/internetGateway:InternetGateway", { vpcId });
const group = (vpcId: string, name: string) => made("aws:ec2/securityGroup:SecurityGroup", { vpcId, name });

const arn = (kind: string) => expect.stringMatching(new RegExp(`^arn:aws:ec2:${HOME}:\\d{12}:${kind}/`));
const retag = ({ id }: Resource) =>
  client.send(new ec2.CreateTagsCommand({ Resources: [id], Tags: [{ Key: "Name", Value: "other" }] }));

const cases: [string, () => Promise<Lifecycle> | Lifecycle][] = [
  [
    "VPC",
    () => ({
      type: "aws:ec2/vpc:Vpc",
      inputs: {
        cidrBlock: "10.1.0.0/16",
        enableDnsSupport: true,
        enableDnsHostnames: true,
        tags: { Name: "home" },
      },
      change: { enableDnsHostnames: false, tags: { Name: "house", tier: "all" } },
      replace: { cidrBlock: "10.2.0.0/16" },
      outputs: {
        arn: arn("vpc"),
        defaultSecurityGroupId: expect.stringMatching(/^sg-/),
        defaultNetworkAclId: expect.stringMatching(/^acl-/),
        mainRouteTableId: expect.stringMatching(/^rtb-/),
      },
      tamper: ({ id }) =>
        client.send(new ec2.ModifyVpcAttributeCommand({ VpcId: id, EnableDnsSupport: { Value: false } })),
      drifted: ["enableDnsSupport"],
    }),
  ],
  [
    "subnet",
    async () => ({
      type: "aws:ec2/subnet:Subnet",
      inputs: {
        vpcId: (await vpc()).id,
        cidrBlock: "10.1.1.0/24",
        availabilityZone: `${HOME}b`,
        mapPublicIpOnLaunch: false,
        tags: { Name: "data-b" },
      },
      change: { tags: { Name: "data" } },
      replace: { cidrBlock: "10.1.2.0/24", availabilityZone: `${HOME}a` },
      outputs: { arn: arn("subnet") },
      tamper: ({ id }) =>
        client.send(
          new ec2.ModifySubnetAttributeCommand({ SubnetId: id, MapPublicIpOnLaunch: { Value: true } }),
        ),
      drifted: ["mapPublicIpOnLaunch"],
    }),
  ],
  [
    "internet gateway",
    async () => ({
      type: "aws:ec2/internetGateway:InternetGateway",
      inputs: { vpcId: (await vpc()).id },
      change: { vpcId: (await vpc()).id },
      outputs: { arn: arn("internet-gateway") },
      tamper: ({ id, inputs }) =>
        client.send(new ec2.DetachInternetGatewayCommand({ InternetGatewayId: id, VpcId: inputs.vpcId })),
      drifted: ["vpcId"],
    }),
  ],
  [
    "elastic address",
    () => ({
      type: "aws:ec2/eip:Eip",
      inputs: { domain: "vpc", tags: { Name: "nat" } },
      change: { tags: { Name: "nat-a" } },
      outputs: { allocationId: expect.stringMatching(/^eipalloc-/), publicIp: expect.any(String) },
      tamper: retag,
      drifted: ["tags"],
    }),
  ],
  [
    "NAT gateway",
    async () => {
      const address = await made("aws:ec2/eip:Eip", { domain: "vpc" });
      return {
        type: "aws:ec2/natGateway:NatGateway",
        inputs: {
          subnetId: (await subnet((await vpc()).id)).id,
          allocationId: address.id,
          tags: { Name: "a" },
        },
        change: { tags: { Name: "b" } },
        replace: { allocationId: "eipalloc-2", subnetId: "subnet-2" },
        outputs: { publicIp: address.outputs.publicIp },
        tamper: retag,
        drifted: ["tags"],
        notImported: ["allocationId"],
      };
    },
  ],
  [
    "route table",
    async () => ({
      type: "aws:ec2/routeTable:RouteTable",
      inputs: { vpcId: (await vpc()).id, tags: { Name: "data" } },
      change: { tags: { Name: "private" } },
      replace: { vpcId: "vpc-2" },
      outputs: { arn: arn("route-table") },
      tamper: retag,
      drifted: ["tags"],
    }),
  ],
  [
    "route table with its routes inline",
    async () => {
      const { id: vpcId } = await vpc();
      const { id: gatewayId } = await gateway(vpcId);
      return {
        type: "aws:ec2/routeTable:RouteTable",
        inputs: { vpcId, routes: [{ cidrBlock: "0.0.0.0/0", gatewayId }] },
        change: { routes: [{ cidrBlock: "192.0.2.0/24", gatewayId }] },
        tamper: ({ id }) =>
          client.send(
            new ec2.CreateRouteCommand({
              RouteTableId: id,
              DestinationCidrBlock: "198.51.100.0/24",
              GatewayId: gatewayId,
            }),
          ),
        drifted: ["routes"],
        notImported: ["routes"],
      };
    },
  ],
  [
    "route",
    async () => {
      const { id: vpcId } = await vpc();
      return {
        type: "aws:ec2/route:Route",
        inputs: {
          routeTableId: (await routeTable(vpcId)).id,
          destinationCidrBlock: "0.0.0.0/0",
          gatewayId: (await gateway(vpcId)).id,
        },
        replace: { destinationCidrBlock: "10.9.0.0/16", routeTableId: "rtb-2" },
        outputs: { state: "active", origin: "CreateRoute" },
        importId: ({ inputs }) => `${inputs.routeTableId}_${inputs.destinationCidrBlock}`,
        tamper: ({ inputs }) =>
          client.send(
            new ec2.ReplaceRouteCommand({
              RouteTableId: inputs.routeTableId,
              DestinationCidrBlock: "0.0.0.0/0",
              NatGatewayId: "nat-1",
            }),
          ),
        drifted: ["gatewayId"],
      };
    },
  ],
  [
    "route table association",
    async () => {
      const { id: vpcId } = await vpc();
      const [first, second, third] = await Promise.all([1, 2, 3].map(() => routeTable(vpcId)));
      return {
        type: "aws:ec2/routeTableAssociation:RouteTableAssociation",
        inputs: { subnetId: (await subnet(vpcId)).id, routeTableId: first?.id },
        change: { routeTableId: second?.id },
        replace: { subnetId: "subnet-2" },
        importId: ({ inputs }) => `${inputs.subnetId}/${inputs.routeTableId}`,
        tamper: async ({ inputs }) => {
          const { RouteTables } = await client.send(
            new ec2.DescribeRouteTablesCommand({
              Filters: [{ Name: "association.subnet-id", Values: [inputs.subnetId] }],
            }),
          );
          await client.send(
            new ec2.ReplaceRouteTableAssociationCommand({
              AssociationId: RouteTables?.[0]?.Associations?.[0]?.RouteTableAssociationId,
              RouteTableId: third?.id,
            }),
          );
        },
        drifted: ["routeTableId"],
      };
    },
  ],
  [
    "gateway endpoint",
    async () => {
      const { id: vpcId } = await vpc();
      const [one, two] = await Promise.all([1, 2].map(async () => (await routeTable(vpcId)).id));
      return {
        type: "aws:ec2/vpcEndpoint:VpcEndpoint",
        inputs: {
          vpcId,
          serviceName: `com.amazonaws.${HOME}.s3`,
          vpcEndpointType: "Gateway",
          routeTableIds: [two, one],
          policy: "{}",
        },
        change: { routeTableIds: [one], tags: { Name: "s3" } },
        replace: { serviceName: `com.amazonaws.${HOME}.dynamodb` },
        outputs: { prefixListId: expect.stringMatching(/^pl-/), state: "available" },
        tamper: ({ id }) =>
          client.send(
            new ec2.ModifyVpcEndpointCommand({ VpcEndpointId: id, AddRouteTableIds: [two as string] }),
          ),
        drifted: ["routeTableIds"],
        notImported: ["policy"],
      };
    },
  ],
  [
    "interface endpoint",
    async () => {
      const { id: vpcId } = await vpc();
      const [one, two] = await Promise.all(
        ["10.1.1.0/24", "10.1.2.0/24"].map(async (cidr) => (await subnet(vpcId, cidr)).id),
      );
      return {
        type: "aws:ec2/vpcEndpoint:VpcEndpoint",
        inputs: {
          vpcId,
          serviceName: `com.amazonaws.${HOME}.kms`,
          vpcEndpointType: "Interface",
          subnetIds: [two, one],
          securityGroupIds: ["sg-1"],
          privateDnsEnabled: true,
        },
        change: { subnetIds: [one], securityGroupIds: ["sg-2"] },
        replace: { vpcEndpointType: "Gateway" },
        tamper: ({ id }) =>
          client.send(new ec2.ModifyVpcEndpointCommand({ VpcEndpointId: id, AddSubnetIds: [two as string] })),
        drifted: ["subnetIds"],
        notImported: ["securityGroupIds", "privateDnsEnabled"],
      };
    },
  ],
  [
    "network ACL",
    async () => {
      const rule = (ruleNo: number, fromPort: number, more: Props = {}) => ({
        ruleNo,
        action: "allow",
        protocol: "tcp",
        cidrBlock: "10.1.0.0/16",
        fromPort,
        toPort: fromPort,
        ...more,
      });
      const icmp = rule(120, 0, { protocol: "icmp", icmpType: 3, icmpCode: 4 });
      return {
        type: "aws:ec2/networkAcl:NetworkAcl",
        inputs: {
          vpcId: (await vpc()).id,
          subnetIds: ["subnet-1"],
          ingress: [rule(110, 8008), rule(100, 5432), icmp],
          egress: [rule(100, 443)],
          tags: { Name: "data" },
        },
        change: { ingress: [rule(100, 5432), rule(130, 22)] },
        replace: { vpcId: "vpc-2" },
        outputs: { arn: arn("network-acl") },
        tamper: ({ id }) =>
          client.send(
            new ec2.CreateNetworkAclEntryCommand({
              NetworkAclId: id,
              RuleNumber: 1,
              RuleAction: "allow",
              Protocol: "-1",
              Egress: false,
              CidrBlock: "0.0.0.0/0",
            }),
          ),
        drifted: ["ingress"],
        // The emulator forgets ports, ICMP types and subnets.
        notImported: ["ingress", "egress", "subnetIds"],
      };
    },
  ],
  [
    "security group",
    async () => ({
      type: "aws:ec2/securityGroup:SecurityGroup",
      inputs: {
        vpcId: (await vpc()).id,
        description: "Nodes",
        ingress: [{ protocol: "tcp", fromPort: 5432, toPort: 5432, cidrBlocks: ["10.0.0.0/8"] }],
        tags: { Name: "nodes" },
      },
      change: { ingress: [{ protocol: "tcp", fromPort: 5433, toPort: 5433, cidrBlocks: ["10.0.0.0/8"] }] },
      replace: { description: "Servers", vpcId: "vpc-2" },
      outputs: { arn: arn("security-group"), name: expect.stringMatching(/^thing-[0-9a-f]{7}$/) },
      tamper: ({ id }) =>
        client.send(
          new ec2.AuthorizeSecurityGroupIngressCommand({
            GroupId: id,
            IpPermissions: [
              { IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
            ],
          }),
        ),
      drifted: ["ingress"],
    }),
  ],
  [
    "default security group",
    async () => ({
      type: "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
      inputs: { vpcId: (await vpc()).id, ingress: [], egress: [], tags: { Name: "unused" } },
      change: { tags: { Name: "default, unused" } },
      outputs: { name: "default" },
      tamper: ({ id }) =>
        client.send(
          new ec2.AuthorizeSecurityGroupIngressCommand({
            GroupId: id,
            IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
          }),
        ),
      drifted: ["ingress"],
      staysReadable: true,
    }),
  ],
  ...(["Ingress", "Egress"] as const).map((direction): [string, () => Promise<Lifecycle>] => [
    `security group ${direction.toLowerCase()} rule`,
    async () => {
      const { id: vpcId } = await vpc();
      const nodes = await group(vpcId, "nodes");
      const rule = {
        securityGroupId: nodes.id,
        referencedSecurityGroupId: (await group(vpcId, "tomcat")).id,
        ipProtocol: "tcp",
        fromPort: 5432,
        toPort: 5432,
        description: "PostgreSQL",
      };
      return {
        type: `aws:vpc/securityGroup${direction}Rule:SecurityGroup${direction}Rule`,
        inputs: rule,
        change: { fromPort: 5430, description: "PostgreSQL and more" },
        replace: { securityGroupId: "sg-2" },
        outputs: { securityGroupRuleId: expect.stringMatching(/^sgr-/), arn: arn("security-group-rule") },
        tamper: ({ id }) =>
          client.send(
            new ec2.ModifySecurityGroupRulesCommand({
              GroupId: nodes.id,
              SecurityGroupRules: [
                {
                  SecurityGroupRuleId: id,
                  SecurityGroupRule: { IpProtocol: "tcp", FromPort: 0, ToPort: 65535 },
                },
              ],
            }),
          ),
        drifted: ["fromPort", "toPort"],
      };
    },
  ]),
  [
    "flow log",
    async () => ({
      type: "aws:ec2/flowLog:FlowLog",
      inputs: {
        vpcId: (await vpc()).id,
        trafficType: "ALL",
        logDestinationType: "cloud-watch-logs",
        logDestination: `arn:aws:logs:${HOME}:111122223333:log-group:flow`,
        iamRoleArn: "arn:aws:iam::111122223333:role/flow",
        maxAggregationInterval: 60,
      },
      change: { tags: { Name: "flow" } },
      replace: { trafficType: "REJECT", maxAggregationInterval: 600 },
      notImported: ["iamRoleArn", "maxAggregationInterval"],
    }),
  ],
];

test.each(cases)("%s lives", async (_name, life) => live(aws, await life()));

describe("what AWS insists on", () => {
  test("a VPC with subnets can't be deleted", async () => {
    const network = await vpc();
    const part = await subnet(network.id);
    await expect(network.delete()).rejects.toThrow(/dependencies/);
    await part.delete();
    await network.delete();
    expect(await network.drift()).toBeUndefined();
  });

  test("a second route to one destination is refused, and the first one stays", async () => {
    const network = await vpc();
    const { id: routeTableId } = await routeTable(network.id);
    const { id: gatewayId } = await gateway(network.id);
    const route = { routeTableId, destinationCidrBlock: "0.0.0.0/0", gatewayId };
    const first = await made("aws:ec2/route:Route", route);
    await expect(made("aws:ec2/route:Route", route)).rejects.toMatchObject({ name: "RouteAlreadyExists" });
    expect(await first.drift()).toEqual([]);
  });

  test("a new security group lets nothing out until a rule says so", async () => {
    const network = await vpc();
    const { id } = await group(network.id, "silent");
    const { SecurityGroups } = await client.send(new ec2.DescribeSecurityGroupsCommand({ GroupIds: [id] }));
    expect(SecurityGroups?.[0]?.IpPermissionsEgress).toEqual([]);
  });

  test("rules as separate resources are no drift of their group", async () => {
    const network = await vpc();
    const nodes = await group(network.id, "own-rules");
    await made("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {
      securityGroupId: nodes.id,
      ipProtocol: "tcp",
      fromPort: 22,
      toPort: 22,
      cidrIpv4: "10.0.0.0/8",
    });
    const before = nodes.outputs;
    expect(await nodes.drift()).toEqual([]);
    expect(nodes.outputs).toEqual({ ...before, tags: {} });
  });
});

describe("peering", () => {
  const options = (vpcPeeringConnectionId: string, side: string, plugin = aws) =>
    made(
      "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions",
      { vpcPeeringConnectionId, [side]: { allowRemoteVpcDnsResolution: true } },
      plugin,
    );

  test("is requested in one region, accepted in the other, and gone in both when deleted", async () => {
    const connection = await made("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", {
      vpcId: (await vpc()).id,
      peerVpcId: (await vpc("10.2.0.0/16", peer)).id,
      peerRegion: RECOVERY,
      tags: { Name: "link" },
    });
    expect(connection.outputs.acceptStatus).toBe("pending-acceptance");
    await expect(options(connection.id, "requester")).rejects.toMatchObject({
      name: "OperationNotPermitted",
    });

    const accepted = await made(
      "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter",
      { vpcPeeringConnectionId: connection.id, autoAccept: true, tags: { Name: "link" } },
      peer,
    );
    expect(accepted.id).toBe(connection.id);
    expect(accepted.outputs).toMatchObject({ acceptStatus: "active", peerRegion: HOME });
    expect(await accepted.drift()).toEqual([]);
    expect(await connection.drift()).toEqual([]);
    expect(connection.outputs.acceptStatus).toBe("active");

    const dns = await options(connection.id, "accepter", peer);
    expect(await dns.drift()).toEqual([]);
    const route = await made("aws:ec2/route:Route", {
      routeTableId: (await routeTable((await vpc()).id)).id,
      destinationCidrBlock: "10.2.0.0/16",
      vpcPeeringConnectionId: connection.id,
    });
    expect(await route.drift()).toEqual([]);

    await accepted.delete();
    expect(await accepted.drift(), "the accepter only forgets").toEqual([]);
    await connection.delete();
    expect(await connection.drift()).toBeUndefined();
    expect(await accepted.drift()).toBeUndefined();
  });

  test("can't be accepted from the requester's region", async () => {
    const request = made("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", {
      vpcId: (await vpc()).id,
      peerVpcId: "vpc-2",
      peerRegion: RECOVERY,
      autoAccept: true,
    });
    await expect(request).rejects.toThrow(/leave autoAccept out/);
  });
});

describe("lookups", () => {
  test("find a VPC and a route table by name, in their own region only", async () => {
    const network = await made("aws:ec2/vpc:Vpc", { cidrBlock: "10.3.0.0/16", tags: { Name: "found" } });
    const table = await made("aws:ec2/routeTable:RouteTable", {
      vpcId: network.id,
      tags: { Name: "found-data" },
    });
    const lookup = { tags: { Name: "found" } };
    expect(await aws.invoke("aws:ec2/getVpc:getVpc", lookup)).toMatchObject({
      id: network.id,
      cidrBlock: "10.3.0.0/16",
    });
    expect(
      await aws.invoke("aws:ec2/getRouteTable:getRouteTable", {
        vpcId: network.id,
        tags: { Name: "found-data" },
      }),
    ).toMatchObject({ id: table.id, routeTableId: table.id, vpcId: network.id });
    await expect(peer.invoke("aws:ec2/getVpc:getVpc", lookup)).rejects.toThrow(/no matching EC2 VPC found/);
  });

  test("refuse to choose", async () => {
    const tags = { Name: "twice" };
    await made("aws:ec2/vpc:Vpc", { cidrBlock: "10.4.0.0/16", tags });
    await made("aws:ec2/vpc:Vpc", { cidrBlock: "10.5.0.0/16", tags });
    await expect(aws.invoke("aws:ec2/getVpc:getVpc", { tags })).rejects.toThrow(/multiple/);
  });
});
