/** Private ways from a VPC to AWS services: no packet to them crosses the internet. */
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as vpc from "@pulumi/aws/vpc/index.js";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument, type Statement } from "./access/policy-document.js";

/**
 * Services with an interface endpoint where there is no NAT: everything that a node calls. A restore machine calls
 * Auto Scaling too.
 */
export const INTERFACE_SERVICES = [
  "kms",
  "ssm",
  "ssmmessages",
  "ec2messages",
  "secretsmanager",
  "logs",
  "monitoring",
  "sts",
  // A database node attaches its own data volume.
  "ec2",
] as const;

export interface VpcEndpointsArgs {
  /** AWS region name, part of every service's name. */
  readonly region: string;
  /** Principals of other accounts get nothing through these endpoints. */
  readonly accountId: string;
  readonly vpcId: pulumi.Input<string>;
  /** Network of the VPC; only it may connect to the interface endpoints. */
  readonly vpcCidr: string;
  /** Route tables that get routes to S3 and DynamoDB. */
  readonly routeTableIds: readonly pulumi.Input<string>[];
  /** Whether restores are tested here. */
  readonly restoreTests: boolean;
  /** Subnets of the interface endpoints, one per zone. None: gateway endpoints only. */
  readonly interfaceSubnetIds: readonly pulumi.Input<string>[];
}

export class VpcEndpoints extends pulumi.ComponentResource {
  constructor(name: string, args: VpcEndpointsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:network:VpcEndpoints", name, {}, opts);
    this.createGatewayEndpoints(name, args);
    if (args.interfaceSubnetIds.length > 0) this.createInterfaceEndpoints(name, args);
    this.registerOutputs();
  }

  /** Free of charge, and they keep backup traffic off the NAT gateways: there in both egress modes. */
  private createGatewayEndpoints(name: string, args: VpcEndpointsArgs): void {
    const statements = { s3: [ownAccount(args), ssmAgentBuckets(args)], dynamodb: [ownAccount(args)] };
    for (const [service, allowed] of Object.entries(statements)) {
      new ec2.VpcEndpoint(
        `${name}-${service}`,
        {
          vpcId: args.vpcId,
          serviceName: `com.amazonaws.${args.region}.${service}`,
          vpcEndpointType: "Gateway",
          routeTableIds: [...args.routeTableIds],
          policy: policyDocument(allowed),
          tags: { Name: `${name}-${service}` },
        },
        { parent: this },
      );
    }
  }

  private createInterfaceEndpoints(name: string, args: VpcEndpointsArgs): void {
    const group = new ec2.SecurityGroup(
      `${name}-sg`,
      {
        vpcId: args.vpcId,
        description: "Interface endpoints of AWS services",
        tags: { Name: `${name}-sg` },
      },
      { parent: this },
    );
    new vpc.SecurityGroupIngressRule(
      `${name}-https`,
      {
        securityGroupId: group.id,
        description: "HTTPS from this VPC",
        cidrIpv4: args.vpcCidr,
        ipProtocol: "tcp",
        fromPort: 443,
        toPort: 443,
      },
      { parent: this },
    );
    for (const service of [...INTERFACE_SERVICES, ...(args.restoreTests ? ["autoscaling"] : [])]) {
      new ec2.VpcEndpoint(
        `${name}-${service}`,
        {
          vpcId: args.vpcId,
          serviceName: `com.amazonaws.${args.region}.${service}`,
          vpcEndpointType: "Interface",
          privateDnsEnabled: true,
          subnetIds: [...args.interfaceSubnetIds],
          securityGroupIds: [group.id],
          policy: policyDocument([ownPrincipals(args)]),
          tags: { Name: `${name}-${service}` },
        },
        { parent: this },
      );
    }
  }
}

/** An endpoint policy grants nothing by itself; it limits what may pass to this account's principals. */
const ownPrincipals = ({ accountId }: VpcEndpointsArgs): Statement => ({
  Sid: "OwnPrincipals",
  Effect: "Allow",
  Principal: "*",
  Action: "*",
  Resource: "*",
  Condition: { StringEquals: { "aws:PrincipalAccount": accountId } },
});

/** As above, and only towards this account's resources: a stolen key can't carry data to a foreign bucket. */
const ownAccount = ({ accountId }: VpcEndpointsArgs): Statement => ({
  Sid: "OwnPrincipalsAndResources",
  Effect: "Allow",
  Principal: "*",
  Action: "*",
  Resource: "*",
  Condition: { StringEquals: { "aws:PrincipalAccount": accountId, "aws:ResourceAccount": accountId } },
});

/** The SSM agent reads its packages and documents from buckets that belong to AWS. */
const ssmAgentBuckets = ({ region }: VpcEndpointsArgs): Statement => ({
  Sid: "ReadWhatTheSsmAgentNeeds",
  Effect: "Allow",
  Principal: "*",
  Action: "s3:GetObject",
  Resource: ["amazon-ssm", "aws-ssm-document-attachments", "patch-baseline-snapshot"].map(
    (bucket) => `arn:aws:s3:::${bucket}-${region}/*`,
  ),
});
