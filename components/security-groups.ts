/**
 * Who may talk to whom, by role: load balancer → Tomcat → database. One group per role and one rule per
 * line, so that a plan shows exactly which way opens.
 *
 * Groups can't be named across regions (peering doesn't carry them); rules name the other
 * region's Tomcats and nodes by their networks, from the contract.
 */
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as vpc from "@pulumi/aws/vpc/index.js";
import * as pulumi from "@pulumi/pulumi";
import { type Contract, PORTS } from "../settings/contract.js";
import type { RegionId } from "../settings/stacks.js";
import { type Caller, callerCidrs, DATABASE_FLOWS, type PortRange, portRanges } from "./database-flows.js";

export interface SecurityGroupsArgs {
  readonly contract: Contract;
  /** Which of the two regions to build. */
  readonly region: RegionId;
  readonly vpcId: pulumi.Input<string>;
}

type RoleName = "lb" | "tomcat" | "database";
type Peer = RoleName | { readonly cidr: string };

const ANYWHERE = "0.0.0.0/0";
const HTTPS: PortRange = { from: 443, to: 443 };

export class SecurityGroups extends pulumi.ComponentResource {
  readonly loadBalancerId: pulumi.Output<string>;
  readonly tomcatId: pulumi.Output<string>;
  readonly databaseId: pulumi.Output<string>;
  private readonly groups: Readonly<Record<RoleName, ec2.SecurityGroup>>;
  private readonly prefix: string;

  constructor(name: string, args: SecurityGroupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:network:SecurityGroups", name, {}, opts);
    this.prefix = name;
    this.groups = {
      lb: this.createGroup("lb", "Load balancer", args.vpcId),
      tomcat: this.createGroup("tomcat", "Tomcat servers and the HAProxy beside them", args.vpcId),
      database: this.createGroup("database", "Database nodes", args.vpcId),
    };
    this.openLoadBalancer();
    this.openTomcat();
    this.openDatabase(args);
    this.admitPathMtu("tomcat");
    this.admitPathMtu("database");

    this.loadBalancerId = this.groups.lb.id;
    this.tomcatId = this.groups.tomcat.id;
    this.databaseId = this.groups.database.id;
    this.registerOutputs({});
  }

  private openLoadBalancer(): void {
    // Port 80 only answers with a redirect to 443.
    this.ingress("lb", "https", { cidr: ANYWHERE }, HTTPS, "HTTPS from clients");
    this.ingress("lb", "http", { cidr: ANYWHERE }, { from: 80, to: 80 }, "HTTP from clients, redirected");
    this.egress("lb", "tomcat", "tomcat", single(PORTS.fleetHttp), "Requests to the HAProxy beside Tomcat");
  }

  private openTomcat(): void {
    this.ingress("tomcat", "lb", "lb", single(PORTS.fleetHttp), "Requests from the load balancer");
    this.egress("tomcat", "aws", { cidr: ANYWHERE }, HTTPS, "AWS APIs");
  }

  private openDatabase({ contract, region }: SecurityGroupsArgs): void {
    const cidrs = callerCidrs(contract, region);
    const inside = { database: "database", tomcat: "tomcat" } as const;
    for (const caller of Object.keys(inside) as (keyof typeof inside)[]) {
      for (const range of portRanges(DATABASE_FLOWS[caller])) {
        const key = `${caller}-${range.from}`;
        this.ingress("database", key, inside[caller], range, `${range.from} from ${caller}`);
        this.egress(
          inside[caller],
          `database-${range.from}`,
          "database",
          range,
          `${range.from} to the nodes`,
        );
      }
    }
    for (const caller of ["otherDatabase", "otherTomcat"] satisfies Caller[]) {
      for (const range of portRanges(DATABASE_FLOWS[caller])) {
        cidrs[caller].forEach((cidr, i) => {
          const key = `${caller}-${i + 1}-${range.from}`;
          this.ingress("database", key, { cidr }, range, `${range.from} from the other region`);
        });
      }
    }
    // The other way round: what our nodes and our HAProxies open over there.
    for (const [role, caller] of [
      ["database", "otherDatabase"],
      ["tomcat", "otherTomcat"],
    ] as const) {
      for (const range of portRanges(DATABASE_FLOWS[caller])) {
        cidrs.otherDatabase.forEach((cidr, i) => {
          const key = `other-region-${i + 1}-${range.from}`;
          this.egress(role, key, { cidr }, range, `${range.from} to nodes of the other region`);
        });
      }
    }
    this.egress("database", "aws", { cidr: ANYWHERE }, HTTPS, "AWS APIs");
  }

  /** The network ACL lets this message pass for the same reason; routers at unknown addresses send it. */
  private admitPathMtu(role: RoleName): void {
    new vpc.SecurityGroupIngressRule(
      `${this.prefix}-${role}-path-mtu`,
      {
        securityGroupId: this.groups[role].id,
        description: "Packet too large for the path",
        cidrIpv4: ANYWHERE,
        // For ICMP these two are type and code: destination unreachable, fragmentation needed.
        ipProtocol: "icmp",
        fromPort: 3,
        toPort: 4,
      },
      { parent: this },
    );
  }

  private createGroup(role: RoleName, description: string, vpcId: pulumi.Input<string>): ec2.SecurityGroup {
    const name = `${this.prefix}-${role}`;
    return new ec2.SecurityGroup(name, { vpcId, description, tags: { Name: name } }, { parent: this });
  }

  private ingress(role: RoleName, key: string, from: Peer, range: PortRange, description: string): void {
    new vpc.SecurityGroupIngressRule(
      `${this.prefix}-${role}-from-${key}`,
      this.rule(role, from, range, description),
      { parent: this },
    );
  }

  private egress(role: RoleName, key: string, to: Peer, range: PortRange, description: string): void {
    new vpc.SecurityGroupEgressRule(
      `${this.prefix}-${role}-to-${key}`,
      this.rule(role, to, range, description),
      { parent: this },
    );
  }

  private rule(role: RoleName, peer: Peer, { from, to }: PortRange, description: string) {
    return {
      securityGroupId: this.groups[role].id,
      description,
      ipProtocol: "tcp",
      fromPort: from,
      toPort: to,
      ...(typeof peer === "string"
        ? { referencedSecurityGroupId: this.groups[peer].id }
        : { cidrIpv4: peer.cidr }),
    };
  }
}

const single = (port: number): PortRange => ({ from: port, to: port });
