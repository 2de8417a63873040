/**
 * VPC, subnets, internet and NAT gateways, elastic addresses.
 *
 * The emulator doesn't: forward a packet; know IPv6 or IPAM; tell a NAT gateway's allocation or addresses;
 * refuse a subnet outside of its VPC's network or one that overlaps another.
 */
import * as ec2 from "@aws-sdk/client-ec2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { ec2Client, ec2Tagging, filters, taggedAs } from "./ec2-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, tagMap, told } from "./read-back.js";

const vpc = readBack({
  replaceOn: ["cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { Vpc } = await ec2Client(aws).send(
      new ec2.CreateVpcCommand({
        CidrBlock: inputs.cidrBlock,
        InstanceTenancy: inputs.instanceTenancy,
        TagSpecifications: taggedAs(aws, "vpc", inputs),
      }),
    );
    return Vpc?.VpcId as string;
  },
  complete: setVpcAttributes,
  async read(aws, id) {
    const client = ec2Client(aws);
    const found = await unlessGone(client.send(new ec2.DescribeVpcsCommand({ VpcIds: [id] })));
    const vpc = found?.Vpcs?.[0];
    if (!vpc) return undefined;
    const attribute = (Attribute: ec2.VpcAttributeName) =>
      client.send(new ec2.DescribeVpcAttributeCommand({ VpcId: id, Attribute }));
    const [support, hostnames, groups, tables, acls] = await Promise.all([
      attribute("enableDnsSupport"),
      attribute("enableDnsHostnames"),
      client.send(
        new ec2.DescribeSecurityGroupsCommand({
          Filters: filters({ "vpc-id": id, "group-name": "default" }),
        }),
      ),
      client.send(
        new ec2.DescribeRouteTablesCommand({
          Filters: filters({ "vpc-id": id, "association.main": "true" }),
        }),
      ),
      client.send(
        new ec2.DescribeNetworkAclsCommand({ Filters: filters({ "vpc-id": id, default: "true" }) }),
      ),
    ]);
    const mainRouteTableId = tables.RouteTables?.[0]?.RouteTableId;
    return told({
      cidrBlock: vpc.CidrBlock,
      instanceTenancy: vpc.InstanceTenancy,
      enableDnsSupport: support.EnableDnsSupport?.Value,
      enableDnsHostnames: hostnames.EnableDnsHostnames?.Value,
      arn: aws.arn("ec2", `vpc/${id}`),
      dhcpOptionsId: vpc.DhcpOptionsId,
      defaultSecurityGroupId: groups.SecurityGroups?.[0]?.GroupId,
      mainRouteTableId,
      defaultRouteTableId: mainRouteTableId,
      defaultNetworkAclId: acls.NetworkAcls?.[0]?.NetworkAclId,
      ownerId: vpc.OwnerId,
      tagsAll: tagMap(vpc.Tags),
    });
  },
  update: setVpcAttributes,
  delete: (aws, id) => unlessGone(ec2Client(aws).send(new ec2.DeleteVpcCommand({ VpcId: id }))),
});

async function setVpcAttributes(aws: AwsContext, id: string, inputs: Props) {
  // One attribute per call, as AWS demands. Defaults: support on, host names off.
  for (const [attribute, value] of [
    ["EnableDnsSupport", inputs.enableDnsSupport ?? true],
    ["EnableDnsHostnames", inputs.enableDnsHostnames ?? false],
  ]) {
    await ec2Client(aws).send(
      new ec2.ModifyVpcAttributeCommand({ VpcId: id, [attribute]: { Value: value } }),
    );
  }
}

const subnet = readBack({
  replaceOn: ["vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native", "outpostArn"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { Subnet } = await ec2Client(aws).send(
      new ec2.CreateSubnetCommand({
        VpcId: inputs.vpcId,
        CidrBlock: inputs.cidrBlock,
        AvailabilityZone: inputs.availabilityZone,
        AvailabilityZoneId: inputs.availabilityZoneId,
        TagSpecifications: taggedAs(aws, "subnet", inputs),
      }),
    );
    return Subnet?.SubnetId as string;
  },
  complete: (aws, id, inputs) =>
    inputs.mapPublicIpOnLaunch ? setMapPublicIp(aws, id, inputs) : Promise.resolve(),
  async read(aws, id) {
    const found = await unlessGone(ec2Client(aws).send(new ec2.DescribeSubnetsCommand({ SubnetIds: [id] })));
    const subnet = found?.Subnets?.[0];
    if (!subnet) return undefined;
    return told({
      vpcId: subnet.VpcId,
      cidrBlock: subnet.CidrBlock,
      availabilityZone: subnet.AvailabilityZone,
      availabilityZoneId: subnet.AvailabilityZoneId,
      mapPublicIpOnLaunch: subnet.MapPublicIpOnLaunch,
      arn: subnet.SubnetArn,
      ownerId: subnet.OwnerId,
      tagsAll: tagMap(subnet.Tags),
    });
  },
  update: setMapPublicIp,
  delete: (aws, id) => unlessGone(ec2Client(aws).send(new ec2.DeleteSubnetCommand({ SubnetId: id }))),
});

async function setMapPublicIp(aws: AwsContext, id: string, inputs: Props) {
  await ec2Client(aws).send(
    new ec2.ModifySubnetAttributeCommand({
      SubnetId: id,
      MapPublicIpOnLaunch: { Value: inputs.mapPublicIpOnLaunch ?? false },
    }),
  );
}

const internetGateway = readBack({
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { InternetGateway } = await ec2Client(aws).send(
      new ec2.CreateInternetGatewayCommand({ TagSpecifications: taggedAs(aws, "internet-gateway", inputs) }),
    );
    return InternetGateway?.InternetGatewayId as string;
  },
  async complete(aws, InternetGatewayId, { vpcId }) {
    if (!vpcId) return;
    await ec2Client(aws).send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId, VpcId: vpcId }));
  },
  async read(aws, id) {
    const found = await unlessGone(
      ec2Client(aws).send(new ec2.DescribeInternetGatewaysCommand({ InternetGatewayIds: [id] })),
    );
    const gateway = found?.InternetGateways?.[0];
    if (!gateway) return undefined;
    return {
      vpcId: gateway.Attachments?.[0]?.VpcId,
      arn: aws.arn("ec2", `internet-gateway/${id}`),
      ownerId: gateway.OwnerId,
      tagsAll: tagMap(gateway.Tags),
    };
  },
  async update(aws, InternetGatewayId, news, olds) {
    if (news.vpcId === olds.vpcId) return;
    const client = ec2Client(aws);
    if (olds.vpcId)
      await client.send(new ec2.DetachInternetGatewayCommand({ InternetGatewayId, VpcId: olds.vpcId }));
    if (news.vpcId)
      await client.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId, VpcId: news.vpcId }));
  },
  async delete(aws, InternetGatewayId, { vpcId }) {
    const client = ec2Client(aws);
    if (vpcId)
      await unlessGone(
        client.send(new ec2.DetachInternetGatewayCommand({ InternetGatewayId, VpcId: vpcId })),
      );
    await unlessGone(client.send(new ec2.DeleteInternetGatewayCommand({ InternetGatewayId })));
  },
});

const natGateway = readBack({
  replaceOn: ["allocationId", "connectivityType", "privateIp", "subnetId", "vpcId"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { NatGateway } = await ec2Client(aws).send(
      new ec2.CreateNatGatewayCommand({
        SubnetId: inputs.subnetId,
        AllocationId: inputs.allocationId,
        ConnectivityType: inputs.connectivityType,
        TagSpecifications: taggedAs(aws, "natgateway", inputs),
      }),
    );
    return NatGateway?.NatGatewayId as string;
  },
  async read(aws, id, known) {
    const client = ec2Client(aws);
    const found = await unlessGone(client.send(new ec2.DescribeNatGatewaysCommand({ NatGatewayIds: [id] })));
    const gateway = found?.NatGateways?.[0];
    // One that was deleted stays visible for a while.
    if (!gateway || /^delet/.test(gateway.State ?? "")) return undefined;
    const address = known.allocationId
      ? await unlessGone(
          client.send(new ec2.DescribeAddressesCommand({ AllocationIds: [known.allocationId] })),
        )
      : undefined;
    return told({
      subnetId: gateway.SubnetId,
      vpcId: gateway.VpcId,
      connectivityType: gateway.ConnectivityType,
      publicIp: address?.Addresses?.[0]?.PublicIp,
      tagsAll: tagMap(gateway.Tags),
    });
  },
  delete: (aws, id) => unlessGone(ec2Client(aws).send(new ec2.DeleteNatGatewayCommand({ NatGatewayId: id }))),
});

const eip = readBack({
  replaceOn: ["domain", "address", "networkBorderGroup", "publicIpv4Pool", "customerOwnedIpv4Pool"],
  tagging: ec2Tagging,
  async make(aws, inputs) {
    const { AllocationId } = await ec2Client(aws).send(
      new ec2.AllocateAddressCommand({
        Domain: inputs.domain ?? "vpc",
        TagSpecifications: taggedAs(aws, "elastic-ip", inputs),
      }),
    );
    return AllocationId as string;
  },
  async read(aws, id) {
    const found = await unlessGone(
      ec2Client(aws).send(new ec2.DescribeAddressesCommand({ AllocationIds: [id] })),
    );
    const address = found?.Addresses?.[0];
    if (!address) return undefined;
    return told({
      domain: address.Domain,
      allocationId: id,
      associationId: address.AssociationId,
      publicIp: address.PublicIp,
      publicDns: `ec2-${address.PublicIp?.replaceAll(".", "-")}.${aws.region}.compute.amazonaws.com`,
      arn: aws.arn("ec2", `elastic-ip/${id}`),
      tagsAll: tagMap(address.Tags),
    });
  },
  delete: (aws, id) => unlessGone(ec2Client(aws).send(new ec2.ReleaseAddressCommand({ AllocationId: id }))),
});

export const vpcHandlers: Record<string, AwsHandler> = {
  "aws:ec2/vpc:Vpc": vpc,
  "aws:ec2/subnet:Subnet": subnet,
  "aws:ec2/internetGateway:InternetGateway": internetGateway,
  "aws:ec2/natGateway:NatGateway": natGateway,
  "aws:ec2/eip:Eip": eip,
};
