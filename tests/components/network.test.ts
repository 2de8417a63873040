import { beforeAll, describe, expect, test } from "vitest";
import { Network } from "../../components/network.js";
import { INTERFACE_SERVICES } from "../../components/vpc-endpoints.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { awsProvider } from "../../stacks/providers.js";
import { ACCOUNT_ID, BASE_SETTINGS, HANDOFF, type Recording, record } from "../support/recorder.js";

const build = (egress: "nat" | "endpoints") => {
  const settings = parseSharedSettings("prod", { ...BASE_SETTINGS, network: { egress } });
  const contract = contractOf(settings, ACCOUNT_ID);
  return record(() => {
    const provider = awsProvider(settings, "eu-west-1");
    new Network(
      "network",
      { settings, contract, region: "home", dataKeyArn: HANDOFF.dataKeyArn },
      { provider },
    );
    return {};
  });
};
const ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];

describe("with NAT gateways", () => {
  let network: Recording;
  beforeAll(async () => {
    network = await build("nat");
  });

  test("every resource is in the region's provider and has a parent", () => {
    for (const r of network.resources.filter((r) => r.custom && !r.type.startsWith("pulumi:"))) {
      expect(r.region, r.name).toBe("eu-west-1");
      expect(r.parent, r.name).not.toBe("disaster-recovery-prod");
    }
  });

  test("each zone has a public, a private and a data subnet, none of which gives out public addresses", () => {
    const subnets = network.ofType("aws:ec2/subnet:Subnet");
    for (const tier of ["public", "private", "data"]) {
      const zones = subnets.filter((s) => s.inputs.tags.tier === tier).map((s) => s.inputs.availabilityZone);
      expect(zones).toEqual(ZONES);
    }
    expect(subnets.every((s) => s.inputs.mapPublicIpOnLaunch === false)).toBe(true);
  });

  test("each zone's private and data tables leave through the NAT gateway of that zone", () => {
    for (const zone of ZONES) {
      expect(network.one(`network-nat-${zone}`, "aws:ec2/natGateway:NatGateway").inputs.subnetId).toBe(
        `network-public-${zone}-id`,
      );
      for (const tier of ["private", "data"]) {
        expect(network.one(`network-${tier}-${zone}-nat`).inputs).toMatchObject({
          routeTableId: `network-${tier}-${zone}-id`,
          destinationCidrBlock: "0.0.0.0/0",
          natGatewayId: `network-nat-${zone}-id`,
        });
      }
    }
  });

  test("only the public table leads to the internet gateway", () => {
    const toGateway = network.ofType("aws:ec2/route:Route").filter((r) => r.inputs.gatewayId);
    expect(toGateway.map((r) => r.inputs.routeTableId)).toEqual(["network-public-id"]);
  });

  test("stack link can find VPC and route tables by the contract's names", () => {
    expect(network.one("network-vpc").inputs.tags.Name).toBe("drs-eu-west-1");
    const names = network.ofType("aws:ec2/routeTable:RouteTable").map((r) => r.inputs.tags.Name);
    for (const zone of ZONES)
      expect(names).toEqual(expect.arrayContaining([`drs-private-${zone}`, `drs-data-${zone}`]));
    // Inline routes would fight with the ones that link adds.
    for (const r of network.ofType("aws:ec2/routeTable:RouteTable")) expect(r.inputs.routes).toBeUndefined();
  });

  test("the default security group has no rules", () => {
    expect(network.one("network-default-sg").inputs).toMatchObject({ ingress: [], egress: [] });
  });

  test("S3 and DynamoDB go through gateway endpoints of this account in all six tables, nothing else has one", () => {
    const endpoints = network.ofType("aws:ec2/vpcEndpoint:VpcEndpoint");
    expect(endpoints.map((e) => e.inputs.serviceName).sort()).toEqual([
      "com.amazonaws.eu-west-1.dynamodb",
      "com.amazonaws.eu-west-1.s3",
    ]);
    for (const { inputs } of endpoints) {
      expect(inputs.vpcEndpointType).toBe("Gateway");
      expect(inputs.routeTableIds).toHaveLength(6);
      expect(JSON.parse(inputs.policy).Statement[0].Condition.StringEquals).toEqual({
        "aws:PrincipalAccount": ACCOUNT_ID,
        "aws:ResourceAccount": ACCOUNT_ID,
      });
    }
  });

  test("the data subnets have a separate ACL", () => {
    expect(network.one("network-data-acl").inputs.subnetIds).toEqual(
      ZONES.map((zone) => `network-data-${zone}-id`),
    );
  });

  test("flow logs of all traffic go to an encrypted group that expires, through the derived role", () => {
    expect(network.one("network-flow-logs").inputs).toMatchObject({
      name: "/drs/eu-west-1/flow-logs",
      kmsKeyId: HANDOFF.dataKeyArn,
      retentionInDays: 90,
    });
    expect(network.one("network-flow-log").inputs).toMatchObject({
      trafficType: "ALL",
      logDestinationType: "cloud-watch-logs",
      iamRoleArn: `arn:aws:iam::${ACCOUNT_ID}:role/drs-eu-west-1-flow-logs`,
    });
  });
});

describe("with endpoints only", () => {
  let network: Recording;
  beforeAll(async () => {
    network = await build("endpoints");
  });

  test("there is no NAT gateway and no way to the internet outside the public subnets", () => {
    expect(network.ofType("aws:ec2/natGateway:NatGateway")).toEqual([]);
    expect(network.ofType("aws:ec2/eip:Eip")).toEqual([]);
    expect(network.ofType("aws:ec2/route:Route").map((r) => r.name)).toEqual(["network-public-internet"]);
  });

  test("every service a node calls has an interface endpoint in all three zones, with private DNS", () => {
    for (const service of [...INTERFACE_SERVICES, "autoscaling"]) {
      const { inputs } = network.one(`network-endpoint-${service}`);
      expect(inputs).toMatchObject({
        serviceName: `com.amazonaws.eu-west-1.${service}`,
        vpcEndpointType: "Interface",
        privateDnsEnabled: true,
        subnetIds: ZONES.map((zone) => `network-private-${zone}-id`),
        securityGroupIds: ["network-endpoint-sg-id"],
      });
      expect(JSON.parse(inputs.policy).Statement[0].Condition.StringEquals["aws:PrincipalAccount"]).toBe(
        ACCOUNT_ID,
      );
    }
  });

  test("the endpoints take HTTPS from the VPC and nothing else", () => {
    const rules = network.ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
    expect(rules.map((r) => r.inputs)).toEqual([
      expect.objectContaining({ cidrIpv4: "10.10.0.0/16", fromPort: 443, toPort: 443, ipProtocol: "tcp" }),
    ]);
  });
});
