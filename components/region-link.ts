/**
 * The private path between the two regions: a VPC peering connection and the routes over it, both ways.
 * Replication, and Tomcats of one region that still talk to the other region's database, use it.
 */
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as pulumi from "@pulumi/pulumi";

/** One end of the link, as found in that region. */
export interface LinkEnd {
  /** AWS region name. */
  readonly region: string;
  readonly vpcId: string;
  /** Network of that VPC: where the other end's routes lead. */
  readonly cidr: string;
  /** Route tables that get a route to the other end, by a short name for each. */
  readonly routeTables: readonly { readonly name: string; readonly id: string }[];
  /** Provider of that region. Each end's resources are made with their own. */
  readonly provider: pulumi.ProviderResource;
}

export interface RegionLinkArgs {
  /** Requests the connection. */
  readonly home: LinkEnd;
  /** Accepts it. */
  readonly recovery: LinkEnd;
}

export class RegionLink extends pulumi.ComponentResource {
  readonly connectionId: pulumi.Output<string>;

  constructor(name: string, { home, recovery }: RegionLinkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:network:RegionLink", name, {}, opts);
    const connectionId = this.connect(name, home, recovery);
    this.resolvePrivately(name, connectionId, home, recovery);
    this.route(name, connectionId, home, recovery);
    this.route(name, connectionId, recovery, home);
    this.connectionId = connectionId;
    this.registerOutputs({ connectionId });
  }

  /** @returns the connection's id, known once it is accepted: options and routes need an active connection. */
  private connect(name: string, home: LinkEnd, recovery: LinkEnd): pulumi.Output<string> {
    const tags = { Name: name };
    const request = new ec2.VpcPeeringConnection(
      `${name}-request`,
      {
        vpcId: home.vpcId,
        peerVpcId: recovery.vpcId,
        peerRegion: recovery.region,
        // Only the other region can accept.
        autoAccept: false,
        tags,
      },
      { parent: this, provider: home.provider },
    );
    const accepted = new ec2.VpcPeeringConnectionAccepter(
      `${name}-accept`,
      { vpcPeeringConnectionId: request.id, autoAccept: true, tags },
      { parent: this, provider: recovery.provider },
    );
    return accepted.id;
  }

  /** Public names of hosts behind the link resolve to their private addresses. Each end sets its own half. */
  private resolvePrivately(
    name: string,
    vpcPeeringConnectionId: pulumi.Output<string>,
    home: LinkEnd,
    recovery: LinkEnd,
  ): void {
    const allow = { allowRemoteVpcDnsResolution: true };
    new ec2.PeeringConnectionOptions(
      `${name}-dns-${home.region}`,
      { vpcPeeringConnectionId, requester: allow },
      { parent: this, provider: home.provider },
    );
    new ec2.PeeringConnectionOptions(
      `${name}-dns-${recovery.region}`,
      { vpcPeeringConnectionId, accepter: allow },
      { parent: this, provider: recovery.provider },
    );
  }

  private route(
    name: string,
    vpcPeeringConnectionId: pulumi.Output<string>,
    from: LinkEnd,
    to: LinkEnd,
  ): void {
    for (const table of from.routeTables) {
      new ec2.Route(
        `${name}-${table.name}`,
        { routeTableId: table.id, destinationCidrBlock: to.cidr, vpcPeeringConnectionId },
        { parent: this, provider: from.provider },
      );
    }
  }
}
