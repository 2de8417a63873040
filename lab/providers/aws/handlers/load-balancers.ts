/**
 * Load balancers, their listeners and rules, target groups.
 *
 * The emulator doesn't: know a load balancer's VPC and zones, or check its subnets; evaluate targets'
 * health; know weighted forwarding, gRPC and HTTP/2 towards targets, or mutual TLS (those inputs are taken
 * over from the program); refuse to delete a protected load balancer (checked here instead).
 */
import * as elb from "@aws-sdk/client-elastic-load-balancing-v2";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import {
  type Attributes,
  attributesFor,
  attributesIn,
  elbClient,
  elbTagging,
  elbTags,
} from "./elb-common.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { listenerHandlers } from "./listeners.js";
import { inOrderOf, readBack, told } from "./read-back.js";

const LOAD_BALANCER: Attributes = {
  idleTimeout: "idle_timeout.timeout_seconds",
  clientKeepAlive: "client_keep_alive.seconds",
  enableDeletionProtection: "deletion_protection.enabled",
  enableHttp2: "routing.http2.enabled",
  enableCrossZoneLoadBalancing: "load_balancing.cross_zone.enabled",
  enableZonalShift: "zonal_shift.config.enabled",
  enableWafFailOpen: "waf.fail_open.enabled",
  dropInvalidHeaderFields: "routing.http.drop_invalid_header_fields.enabled",
  desyncMitigationMode: "routing.http.desync_mitigation_mode",
  preserveHostHeader: "routing.http.preserve_host_header.enabled",
  xffHeaderProcessingMode: "routing.http.xff_header_processing.mode",
  enableTlsVersionAndCipherSuiteHeaders: "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
  "accessLogs.enabled": "access_logs.s3.enabled",
  "accessLogs.bucket": "access_logs.s3.bucket",
  "accessLogs.prefix": "access_logs.s3.prefix",
  "connectionLogs.enabled": "connection_logs.s3.enabled",
  "connectionLogs.bucket": "connection_logs.s3.bucket",
  "connectionLogs.prefix": "connection_logs.s3.prefix",
};

const TARGET_GROUP: Attributes = {
  deregistrationDelay: "deregistration_delay.timeout_seconds",
  slowStart: "slow_start.duration_seconds",
  loadBalancingAlgorithmType: "load_balancing.algorithm.type",
  loadBalancingAnomalyMitigation: "load_balancing.algorithm.anomaly_mitigation",
  loadBalancingCrossZoneEnabled: "load_balancing.cross_zone.enabled",
  preserveClientIp: "preserve_client_ip.enabled",
  "stickiness.enabled": "stickiness.enabled",
  "stickiness.type": "stickiness.type",
  "stickiness.cookieDuration": "stickiness.lb_cookie.duration_seconds",
};

const loadBalancerAttributes = async (aws: AwsContext, LoadBalancerArn: string) =>
  (await elbClient(aws).send(new elb.DescribeLoadBalancerAttributesCommand({ LoadBalancerArn })))
    .Attributes ?? [];

const loadBalancer = readBack({
  name: { property: "name", maxLength: 32 },
  replaceOn: ["name", "internal", "loadBalancerType", "customerOwnedIpv4Pool"],
  tagging: elbTagging,
  async make(aws, inputs) {
    const { LoadBalancers } = await elbClient(aws).send(
      new elb.CreateLoadBalancerCommand({
        Name: inputs.name,
        Scheme: inputs.internal ? "internal" : "internet-facing",
        Type: inputs.loadBalancerType ?? "application",
        Subnets: inputs.subnets ?? inputs.subnetMappings?.map(({ subnetId }: Props) => subnetId),
        SecurityGroups: inputs.securityGroups,
        IpAddressType: inputs.ipAddressType,
        Tags: aws.tagList(inputs),
      }),
    );
    return LoadBalancers?.[0]?.LoadBalancerArn as string;
  },
  complete: setLoadBalancerAttributes,
  async read(aws, id, known) {
    const found = await unlessGone(
      elbClient(aws).send(new elb.DescribeLoadBalancersCommand({ LoadBalancerArns: [id] })),
    );
    const balancer = found?.LoadBalancers?.[0];
    if (!balancer) return undefined;
    const subnets = balancer.AvailabilityZones?.map(({ SubnetId }) => SubnetId as string);
    return {
      ...attributesIn(LOAD_BALANCER, await loadBalancerAttributes(aws, id), known),
      ...told({
        name: balancer.LoadBalancerName,
        internal: balancer.Scheme === "internal",
        loadBalancerType: balancer.Type,
        subnets: known.subnetMappings ? undefined : inOrderOf(known.subnets, subnets),
        securityGroups: inOrderOf(known.securityGroups, balancer.SecurityGroups),
        ipAddressType: balancer.IpAddressType,
        arn: id,
        arnSuffix: id.split(":loadbalancer/")[1],
        dnsName: balancer.DNSName,
        zoneId: balancer.CanonicalHostedZoneId,
        tagsAll: await elbTags(aws, id),
      }),
    };
  },
  async update(aws, id, news) {
    const client = elbClient(aws);
    if (news.securityGroups) {
      await client.send(
        new elb.SetSecurityGroupsCommand({ LoadBalancerArn: id, SecurityGroups: news.securityGroups }),
      );
    }
    if (news.subnets) {
      await client.send(new elb.SetSubnetsCommand({ LoadBalancerArn: id, Subnets: news.subnets }));
    }
    if (news.ipAddressType) {
      await client.send(
        new elb.SetIpAddressTypeCommand({ LoadBalancerArn: id, IpAddressType: news.ipAddressType }),
      );
    }
    await setLoadBalancerAttributes(aws, id, news);
  },
  async delete(aws, id) {
    const attributes = await unlessGone(loadBalancerAttributes(aws, id));
    if (attributes?.some(({ Key, Value }) => Key === "deletion_protection.enabled" && Value === "true")) {
      throw Object.assign(
        new Error(`Load balancer '${id}' cannot be deleted because deletion protection is enabled`),
        { name: "OperationNotPermitted" },
      );
    }
    await unlessGone(elbClient(aws).send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: id })));
  },
});

async function setLoadBalancerAttributes(aws: AwsContext, LoadBalancerArn: string, inputs: Props) {
  const Attributes = attributesFor(LOAD_BALANCER, inputs);
  if (Attributes.length === 0) return;
  await elbClient(aws).send(new elb.ModifyLoadBalancerAttributesCommand({ LoadBalancerArn, Attributes }));
}

const healthCheckFor = ({ healthCheck: check }: Props) =>
  check && {
    HealthCheckEnabled: check.enabled,
    HealthCheckProtocol: check.protocol,
    HealthCheckPort: check.port && String(check.port),
    HealthCheckPath: check.path,
    HealthCheckIntervalSeconds: check.interval,
    HealthCheckTimeoutSeconds: check.timeout,
    HealthyThresholdCount: check.healthyThreshold,
    UnhealthyThresholdCount: check.unhealthyThreshold,
    Matcher: check.matcher && { HttpCode: check.matcher },
  };

const targetGroup = readBack({
  name: { property: "name", maxLength: 32 },
  replaceOn: ["name", "port", "protocol", "protocolVersion", "targetType", "vpcId", "ipAddressType"],
  tagging: elbTagging,
  async make(aws, inputs) {
    const { TargetGroups } = await elbClient(aws).send(
      new elb.CreateTargetGroupCommand({
        Name: inputs.name,
        Port: inputs.port,
        Protocol: inputs.protocol,
        ProtocolVersion: inputs.protocolVersion,
        TargetType: inputs.targetType,
        VpcId: inputs.vpcId,
        IpAddressType: inputs.ipAddressType,
        ...healthCheckFor(inputs),
        Tags: aws.tagList(inputs),
      }),
    );
    return TargetGroups?.[0]?.TargetGroupArn as string;
  },
  complete: setTargetGroupAttributes,
  async read(aws, id, known) {
    const client = elbClient(aws);
    const found = await unlessGone(
      client.send(new elb.DescribeTargetGroupsCommand({ TargetGroupArns: [id] })),
    );
    const group = found?.TargetGroups?.[0];
    if (!group) return undefined;
    const { Attributes = [] } = await client.send(
      new elb.DescribeTargetGroupAttributesCommand({ TargetGroupArn: id }),
    );
    return {
      ...attributesIn(TARGET_GROUP, Attributes, known),
      ...told({
        name: group.TargetGroupName,
        port: group.Port,
        protocol: group.Protocol,
        targetType: group.TargetType,
        vpcId: group.VpcId,
        healthCheck: told({
          enabled: group.HealthCheckEnabled,
          protocol: group.HealthCheckProtocol,
          port: group.HealthCheckPort,
          path: group.HealthCheckPath,
          interval: group.HealthCheckIntervalSeconds,
          timeout: group.HealthCheckTimeoutSeconds,
          healthyThreshold: group.HealthyThresholdCount,
          unhealthyThreshold: group.UnhealthyThresholdCount,
          matcher: group.Matcher?.HttpCode,
        }),
        arn: id,
        arnSuffix: id.split(":").at(-1),
        loadBalancerArns: group.LoadBalancerArns,
        tagsAll: await elbTags(aws, id),
      }),
    };
  },
  async update(aws, id, news) {
    await elbClient(aws).send(
      new elb.ModifyTargetGroupCommand({ TargetGroupArn: id, ...healthCheckFor(news) }),
    );
    await setTargetGroupAttributes(aws, id, news);
  },
  delete: (aws, id) =>
    unlessGone(elbClient(aws).send(new elb.DeleteTargetGroupCommand({ TargetGroupArn: id }))),
});

async function setTargetGroupAttributes(aws: AwsContext, TargetGroupArn: string, inputs: Props) {
  const Attributes = attributesFor(TARGET_GROUP, inputs);
  if (Attributes.length === 0) return;
  await elbClient(aws).send(new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }));
}

export const loadBalancerHandlers: Record<string, AwsHandler> = {
  "aws:lb/loadBalancer:LoadBalancer": loadBalancer,
  "aws:lb/targetGroup:TargetGroup": targetGroup,
  ...listenerHandlers,
};
