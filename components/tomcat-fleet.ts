/**
 * The application of a region: a load balancer in front of an autoscaling group of Tomcats, and the region's
 * own name, which points to the load balancer for good.
 *
 * `/dr/active`, which decides about DNS failover, goes the same way as every request: load balancer, HAProxy
 * on a Tomcat server, the leader's guard. The load balancer's own check of its targets is another path: the
 * servers of a standby are healthy although it takes no writes.
 */
import * as autoscaling from "@pulumi/aws/autoscaling/index.js";
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as lb from "@pulumi/aws/lb/index.js";
import * as route53 from "@pulumi/aws/route53/index.js";
import * as pulumi from "@pulumi/pulumi";
import { renderTomcatUserData } from "../nodes/render/user-data.js";
import { type Contract, HEALTH_PATH, PORTS, TARGET_CHECK } from "../settings/contract.js";
import type { RegionSettings } from "../settings/schema.js";
import type { RegionId } from "../settings/stacks.js";
import { GROUP_METRICS, machine } from "./machine.js";
import { type RegionSize, reservedPerZone } from "./sizing.js";

export interface TomcatFleetArgs {
  readonly settings: RegionSettings;
  readonly contract: Contract;
  /** Which of the two regions to build. */
  readonly region: RegionId;
  readonly vpcId: pulumi.Input<string>;
  /** For the load balancer; one per zone. */
  readonly publicSubnetIds: readonly pulumi.Input<string>[];
  /** For the servers; one per zone. */
  readonly privateSubnetIds: readonly pulumi.Input<string>[];
  readonly loadBalancerSecurityGroupId: pulumi.Input<string>;
  readonly tomcatSecurityGroupId: pulumi.Input<string>;
  /** KMS key in this region for all disks. */
  readonly dataKeyArn: pulumi.Input<string>;
  /** Certificate in this region for the service's and the region's name. */
  readonly certificateArn: pulumi.Input<string>;
  readonly hostedZoneId: pulumi.Input<string>;
  /** `s3://bucket/key.war`. */
  readonly applicationUri: string;
  /** What puts it there, when that is this stack. */
  readonly applicationUpload?: pulumi.Resource;
  /** Fewest and most servers. All that a promotion may change here. */
  readonly size: RegionSize["fleet"];
}

/** TLS 1.3, and 1.2 for clients (and health checkers) that don't have it yet. */
const TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06";
/** A server takes its share about this long after its launch. */
const WARMUP_SECONDS = 120;

export class TomcatFleet extends pulumi.ComponentResource {
  readonly loadBalancerDnsName: pulumi.Output<string>;
  readonly loadBalancerArnSuffix: pulumi.Output<string>;
  readonly targetGroupArnSuffix: pulumi.Output<string>;
  readonly groupName: pulumi.Output<string>;

  constructor(name: string, args: TomcatFleetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dr:fleet:TomcatFleet", name, {}, opts);
    const balancer = this.createLoadBalancer(name, args);
    const targets = this.createTargetGroup(name, args);
    this.createListeners(name, balancer, targets, args);
    const reservations = this.reserveCapacity(name, args);
    const group = this.createGroup(name, targets, reservations, args);
    this.trackCpu(name, group, args);
    this.pointRegionName(name, balancer, args);

    this.loadBalancerDnsName = balancer.dnsName;
    this.loadBalancerArnSuffix = balancer.arnSuffix;
    this.targetGroupArnSuffix = targets.arnSuffix;
    this.groupName = group.name;
    this.registerOutputs({ loadBalancerDnsName: this.loadBalancerDnsName });
  }

  private createLoadBalancer(name: string, args: TomcatFleetArgs): lb.LoadBalancer {
    return new lb.LoadBalancer(
      `${name}-alb`,
      {
        loadBalancerType: "application",
        internal: false,
        subnets: [...args.publicSubnetIds],
        securityGroups: [args.loadBalancerSecurityGroupId],
        dropInvalidHeaderFields: true,
        enableDeletionProtection: true,
        // Requests are logged by HAProxy on each server. S3 gets the load balancer's own log minutes later,
        // and only into a bucket without KMS.
        enableZonalShift: true,
      },
      { parent: this },
    );
  }

  private createTargetGroup(name: string, args: TomcatFleetArgs): lb.TargetGroup {
    return new lb.TargetGroup(
      `${name}-targets`,
      {
        vpcId: args.vpcId,
        targetType: "instance",
        protocol: "HTTP",
        port: PORTS.fleetHttp,
        healthCheck: {
          protocol: "HTTP",
          path: HEALTH_PATH,
          port: `${PORTS.fleetHttp}`,
          matcher: "200",
          interval: TARGET_CHECK.intervalSeconds,
          timeout: TARGET_CHECK.timeoutSeconds,
          healthyThreshold: TARGET_CHECK.threshold,
          unhealthyThreshold: TARGET_CHECK.threshold,
        },
        // Longer than any request may take; sessions are not kept on servers.
        deregistrationDelay: 60,
      },
      { parent: this },
    );
  }

  private createListeners(
    name: string,
    balancer: lb.LoadBalancer,
    targets: lb.TargetGroup,
    args: TomcatFleetArgs,
  ): void {
    new lb.Listener(
      `${name}-https`,
      {
        loadBalancerArn: balancer.arn,
        protocol: "HTTPS",
        port: 443,
        sslPolicy: TLS_POLICY,
        certificateArn: args.certificateArn,
        defaultActions: [{ type: "forward", targetGroupArn: targets.arn }],
      },
      { parent: this },
    );
    new lb.Listener(
      `${name}-http`,
      {
        loadBalancerArn: balancer.arn,
        protocol: "HTTP",
        port: 80,
        defaultActions: [
          { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
        ],
      },
      { parent: this },
    );
  }

  /**
   * A warm region may keep the room for its full size: on the day that another region fails, everybody asks
   * for machines. Running servers count against the reservation. Promoted, the region keeps it.
   */
  private reserveCapacity(name: string, { settings, ...args }: TomcatFleetArgs): ec2.CapacityReservation[] {
    if (settings.site !== "warm" || !settings.fleet.reserveCapacity) return [];
    const { zones } = args.contract[args.region];
    return zones.map(
      (zone) =>
        new ec2.CapacityReservation(
          `${name}-reservation-${zone}`,
          {
            availabilityZone: zone,
            instanceType: settings.fleet.instanceType,
            instancePlatform: "Linux/UNIX",
            instanceCount: reservedPerZone(settings.fleet.fullSize, zones.length),
            // For this group only; an open one would serve any machine of that type in the account.
            instanceMatchCriteria: "targeted",
            endDateType: "unlimited",
            tags: { Name: `${name}-${zone}` },
          },
          { parent: this },
        ),
    );
  }

  private createGroup(
    name: string,
    targets: lb.TargetGroup,
    reservations: readonly ec2.CapacityReservation[],
    { settings, contract, ...args }: TomcatFleetArgs,
  ): autoscaling.Group {
    const region = contract[args.region];
    const serverName = region.tomcatServer;
    const template = new ec2.LaunchTemplate(
      `${name}-template`,
      {
        ...machine({
          settings,
          name: serverName,
          instanceType: settings.fleet.instanceType,
          image: settings.images[args.region].tomcat,
          instanceProfile: region.tomcatRole,
          dataKeyArn: args.dataKeyArn,
          // By its own address: another application is another launch template, which rolls it out.
          userData: renderTomcatUserData(
            { ...settings, application: { ...settings.application, war: args.applicationUri } },
            contract,
            args.region,
          ),
        }),
        description: "Tomcat server",
        vpcSecurityGroupIds: [args.tomcatSecurityGroupId],
      },
      // A server that starts must find the application that its user data names.
      { parent: this, dependsOn: args.applicationUpload ? [args.applicationUpload] : [] },
    );
    return new autoscaling.Group(
      `${name}-group`,
      {
        // No desired capacity: that is target tracking's, and a number here would undo what it did at each
        // `up`. Raising the minimum raises it at once; so does lowering the maximum lower it.
        minSize: args.size.min,
        maxSize: args.size.max,
        vpcZoneIdentifiers: [...args.privateSubnetIds],
        launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
        targetGroupArns: [targets.arn],
        healthCheckType: "ELB",
        healthCheckGracePeriod: WARMUP_SECONDS,
        defaultInstanceWarmup: WARMUP_SECONDS,
        capacityReservationSpecification:
          reservations.length === 0
            ? undefined
            : {
                capacityReservationPreference: "capacity-reservations-first",
                capacityReservationTarget: { capacityReservationIds: reservations.map(({ id }) => id) },
              },
        instanceRefresh: {
          strategy: "Rolling",
          // New servers first, then the old ones go: with two servers, 90 % alone would leave no room.
          preferences: { minHealthyPercentage: 90, maxHealthyPercentage: 150 },
        },
        enabledMetrics: [...GROUP_METRICS],
        // A promotion must not hang on machines that are slow to come: alarms watch those.
        waitForCapacityTimeout: "0",
        tags: [
          { key: "Name", value: serverName, propagateAtLaunch: false },
          // Operators may change the size of the project's groups only.
          { key: "project", value: settings.name, propagateAtLaunch: false },
        ],
      },
      { parent: this },
    );
  }

  private trackCpu(name: string, group: autoscaling.Group, { settings }: TomcatFleetArgs): void {
    new autoscaling.Policy(
      `${name}-cpu`,
      {
        autoscalingGroupName: group.name,
        policyType: "TargetTrackingScaling",
        targetTrackingConfiguration: {
          predefinedMetricSpecification: { predefinedMetricType: "ASGAverageCPUUtilization" },
          targetValue: settings.fleet.targetCpuPercent,
        },
      },
      { parent: this },
    );
  }

  /** The one record of a region's stack. It is the same in either role; `global`'s health checks ask behind it. */
  private pointRegionName(name: string, balancer: lb.LoadBalancer, args: TomcatFleetArgs): void {
    new route53.Record(
      `${name}-name`,
      {
        zoneId: args.hostedZoneId,
        name: args.contract[args.region].hostname,
        type: "A",
        aliases: [
          {
            name: balancer.dnsName,
            zoneId: balancer.zoneId,
            // Health is judged by the health checks alone. Judged here too, a region whose targets are
            // still coming up would be counted out for a second reason that no drill sees.
            evaluateTargetHealth: false,
          },
        ],
      },
      { parent: this },
    );
  }
}
