import * as asg from "@aws-sdk/client-auto-scaling";
import * as ec2 from "@aws-sdk/client-ec2";
import * as elb from "@aws-sdk/client-elastic-load-balancing-v2";
import { beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import type { Props } from "../../../lab/providers/values.js";
import { awsPlugin, HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";
import { type Lifecycle, live, Resource } from "../support/resource.js";

const GROUP = "aws:autoscaling/group:Group";
const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const ZONE = `${HOME}a`;

useEmulator();
let aws: AwsPlugin;
let instances: ec2.EC2Client;
let groups: asg.AutoScalingClient;
let balancers: elb.ElasticLoadBalancingV2Client;
beforeAll(async () => {
  aws = await awsPlugin(HOME);
  instances = sdk(ec2.EC2Client);
  groups = sdk(asg.AutoScalingClient);
  balancers = sdk(elb.ElasticLoadBalancingV2Client);
});

const made = (type: string, inputs: Props, name?: string) => new Resource(aws, type, name).create(inputs);

const templateInputs = {
  description: "Database node",
  imageId: "ami-1",
  instanceType: "m7g.large",
  userData: Buffer.from("#!/bin/sh\n").toString("base64"),
  ebsOptimized: "true",
  iamInstanceProfile: { name: "database" },
  metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
  monitoring: { enabled: true },
  blockDeviceMappings: [
    {
      deviceName: "/dev/xvda",
      ebs: {
        volumeSize: 20,
        volumeType: "gp3",
        encrypted: "true",
        deleteOnTermination: "true",
        kmsKeyId: "key",
      },
    },
  ],
  networkInterfaces: [{ deviceIndex: 0, networkInterfaceId: "eni-1", deleteOnTermination: "false" }],
  tagSpecifications: [{ resourceType: "instance", tags: { Name: "db-1" } }],
};

const groupInputs = async (): Promise<Props> => {
  const { id, outputs } = await made(TEMPLATE, { imageId: "ami-1" }, `t${Math.random()}`);
  return {
    minSize: 1,
    maxSize: 3,
    vpcZoneIdentifiers: ["subnet-2", "subnet-1"],
    launchTemplate: { id, version: String(outputs.latestVersion) },
    healthCheckType: "ELB",
    healthCheckGracePeriod: 120,
    targetGroupArns: ["arn:aws:elasticloadbalancing:tg"],
    instanceRefresh: { strategy: "Rolling", preferences: { minHealthyPercentage: 90 } },
    tags: [
      { key: "Name", value: "tomcat", propagateAtLaunch: true },
      { key: "old", value: "1", propagateAtLaunch: false },
    ],
  };
};

const loadBalancer = (name: string) =>
  made("aws:lb/loadBalancer:LoadBalancer", { name, subnets: ["subnet-1", "subnet-2"] });

const retag = ({ id }: Resource) =>
  instances.send(new ec2.CreateTagsCommand({ Resources: [id], Tags: [{ Key: "Name", Value: "other" }] }));

// An import also shows what AWS fills into objects; where it does, `notImported` lists the object.
const cases: [string, () => Promise<Lifecycle> | Lifecycle][] = [
  [
    "network interface",
    () => ({
      type: "aws:ec2/networkInterface:NetworkInterface",
      inputs: {
        subnetId: "subnet-1",
        privateIps: ["10.1.16.10"],
        securityGroups: ["sg-1"],
        description: "db-1",
        tags: { Name: "db-1" },
      },
      change: { tags: { Name: "db-one" } },
      replace: { subnetId: "subnet-2", privateIps: ["10.1.16.11"] },
      outputs: { privateIp: "10.1.16.10", macAddress: expect.any(String) },
      tamper: retag,
      drifted: ["tags"],
      // The emulator chooses the address and doesn't tell the groups.
      notImported: ["privateIps", "securityGroups"],
    }),
  ],
  [
    "data volume",
    () => ({
      type: "aws:ebs/volume:Volume",
      inputs: {
        availabilityZone: ZONE,
        size: 100,
        type: "gp3",
        iops: 6000,
        throughput: 250,
        encrypted: true,
        kmsKeyId: "key",
        tags: { Name: "data" },
      },
      change: { size: 200, iops: 8000 },
      replace: { encrypted: false, kmsKeyId: "other", availabilityZone: `${HOME}b` },
      outputs: { arn: expect.stringContaining(":volume/vol-") },
      tamper: ({ id }) => instances.send(new ec2.ModifyVolumeCommand({ VolumeId: id, Iops: 3000 })),
      drifted: ["iops"],
      notImported: ["throughput", "kmsKeyId"],
    }),
  ],
  [
    "launch template",
    () => ({
      type: TEMPLATE,
      inputs: { ...templateInputs, tags: { Name: "db-1", old: "1" } },
      change: { imageId: "ami-2", tags: { Name: "db-1" } },
      replace: { name: "other" },
      outputs: { latestVersion: 1, defaultVersion: 1, arn: expect.stringContaining(":launch-template/lt-") },
      tamper: ({ id }) =>
        instances.send(
          new ec2.CreateLaunchTemplateVersionCommand({
            LaunchTemplateId: id,
            SourceVersion: "1",
            LaunchTemplateData: { InstanceType: "t4g.nano" },
          }),
        ),
      // The version made from the first one also has its image and no description.
      drifted: ["description", "imageId", "instanceType"],
      notImported: ["networkInterfaces", "blockDeviceMappings"],
    }),
  ],
  [
    "autoscaling group",
    async () => ({
      type: GROUP,
      inputs: await groupInputs(),
      change: { minSize: 2, maxSize: 4, tags: [{ key: "Name", value: "tomcat-2", propagateAtLaunch: true }] },
      replace: { name: "other" },
      outputs: {
        name: expect.stringMatching(/^thing-[0-9a-f]{7}$/),
        arn: expect.stringContaining(":autoScalingGroup:"),
      },
      tamper: ({ id }) =>
        groups.send(new asg.UpdateAutoScalingGroupCommand({ AutoScalingGroupName: id, MaxSize: 9 })),
      drifted: ["maxSize"],
      notImported: ["launchTemplate", "targetGroupArns", "instanceRefresh"],
    }),
  ],
  [
    "scaling policy",
    async () => ({
      type: "aws:autoscaling/policy:Policy",
      inputs: {
        autoscalingGroupName: (await made(GROUP, await groupInputs(), "tracked")).id,
        policyType: "TargetTrackingScaling",
        targetTrackingConfiguration: {
          targetValue: 60,
          predefinedMetricSpecification: { predefinedMetricType: "ASGAverageCPUUtilization" },
        },
      },
      change: {
        targetTrackingConfiguration: {
          targetValue: 50,
          predefinedMetricSpecification: { predefinedMetricType: "ASGAverageCPUUtilization" },
        },
      },
      replace: { autoscalingGroupName: "other" },
      importId: ({ id, inputs }) => `${inputs.autoscalingGroupName}/${id}`,
      tamper: ({ id, inputs }) =>
        groups.send(
          new asg.PutScalingPolicyCommand({
            AutoScalingGroupName: inputs.autoscalingGroupName,
            PolicyName: id,
            PolicyType: "TargetTrackingScaling",
            TargetTrackingConfiguration: {
              TargetValue: 99,
              PredefinedMetricSpecification: { PredefinedMetricType: "ASGAverageCPUUtilization" },
            },
          }),
        ),
      drifted: ["targetTrackingConfiguration"],
      notImported: ["targetTrackingConfiguration"],
    }),
  ],
  [
    "load balancer",
    () => ({
      type: "aws:lb/loadBalancer:LoadBalancer",
      inputs: {
        internal: false,
        loadBalancerType: "application",
        subnets: ["subnet-2", "subnet-1"],
        securityGroups: ["sg-1"],
        dropInvalidHeaderFields: true,
        enableZonalShift: true,
        idleTimeout: 30,
        tags: { Name: "front" },
      },
      change: { idleTimeout: 60, subnets: ["subnet-1", "subnet-3"], securityGroups: ["sg-2"], tags: {} },
      replace: { internal: true, name: "other" },
      outputs: {
        dnsName: expect.stringMatching(/\.elb\.amazonaws\.com$/),
        zoneId: expect.any(String),
        arnSuffix: expect.stringMatching(/^app\/thing-[0-9a-f]{7}\//),
      },
      tamper: ({ id }) =>
        balancers.send(
          new elb.ModifyLoadBalancerAttributesCommand({
            LoadBalancerArn: id,
            Attributes: [{ Key: "routing.http.drop_invalid_header_fields.enabled", Value: "false" }],
          }),
        ),
      drifted: ["dropInvalidHeaderFields"],
    }),
  ],
  [
    "target group",
    () => ({
      type: "aws:lb/targetGroup:TargetGroup",
      inputs: {
        vpcId: "vpc-1",
        port: 8080,
        protocol: "HTTP",
        targetType: "instance",
        deregistrationDelay: 60,
        healthCheck: { path: "/dr/health", port: "8080", matcher: "200", interval: 10, healthyThreshold: 2 },
        stickiness: { enabled: false, type: "lb_cookie" },
      },
      change: {
        deregistrationDelay: 30,
        healthCheck: { path: "/health", port: "8080", matcher: "200", interval: 5, healthyThreshold: 2 },
      },
      replace: { port: 8081, vpcId: "vpc-2", protocol: "HTTPS" },
      outputs: { arnSuffix: expect.stringMatching(/^targetgroup\//) },
      tamper: ({ id }) =>
        balancers.send(new elb.ModifyTargetGroupCommand({ TargetGroupArn: id, HealthCheckPath: "/" })),
      drifted: ["healthCheck"],
      notImported: ["healthCheck"],
    }),
  ],
  [
    "listener",
    async () => {
      const certificate = (id: string) => `arn:aws:acm:${HOME}:111122223333:certificate/${id}`;
      return {
        type: "aws:lb/listener:Listener",
        inputs: {
          loadBalancerArn: (await loadBalancer("https")).id,
          port: 443,
          protocol: "HTTPS",
          sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
          certificateArn: certificate("1"),
          routingHttpResponseStrictTransportSecurityHeaderValue: "max-age=31536000",
          defaultActions: [{ type: "forward", targetGroupArn: "arn:tg" }],
        },
        change: { certificateArn: certificate("2"), tags: { Name: "https" } },
        replace: { loadBalancerArn: "arn:other" },
        tamper: ({ id }: Resource) =>
          balancers.send(
            new elb.ModifyListenerCommand({ ListenerArn: id, SslPolicy: "ELBSecurityPolicy-2016-08" }),
          ),
        drifted: ["sslPolicy"],
        notImported: ["defaultActions"],
      };
    },
  ],
  [
    "redirecting listener",
    async () => ({
      type: "aws:lb/listener:Listener",
      inputs: {
        loadBalancerArn: (await loadBalancer("http")).id,
        port: 80,
        protocol: "HTTP",
        defaultActions: [
          { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
        ],
      },
      tamper: ({ id }) =>
        balancers.send(
          new elb.ModifyListenerCommand({
            ListenerArn: id,
            DefaultActions: [{ Type: "forward", TargetGroupArn: "arn:elsewhere" }],
          }),
        ),
      drifted: ["defaultActions"],
      notImported: ["defaultActions"],
    }),
  ],
];

test.each(cases)("%s lives", async (_name, life) => live(aws, await life()));

describe("launch template", () => {
  test("a change makes a version, a change of tags doesn't", async () => {
    const template = await made(TEMPLATE, { name: "versions", imageId: "ami-1" });
    await template.update({ name: "versions", imageId: "ami-1", tags: { a: "b" } });
    expect(template.outputs.latestVersion).toBe(1);
    await template.update({ name: "versions", imageId: "ami-2", updateDefaultVersion: true });
    expect(template.outputs).toMatchObject({ latestVersion: 2, defaultVersion: 2 });
  });

  test("the next version is unknown in a preview", async () => {
    const { outputs, inputs, id } = await made(TEMPLATE, { name: "preview", imageId: "ami-1" });
    const ref = { urn: "", type: TEMPLATE, name: "preview" };
    const preview = await aws.update(ref, id, outputs, { ...inputs, imageId: "ami-2" }, true);
    expect(preview.latestVersion).toBe("04da6b54-80e4-46f7-96ec-b56ff0331ba9");
  });
});

describe("autoscaling group", () => {
  test("without a wanted number, it follows the bounds: that is how a promotion raises a fleet", async () => {
    const inputs = { ...(await groupInputs()), minSize: 0, maxSize: 0 };
    const fleet = await made(GROUP, inputs, "cold");
    expect(fleet.outputs.desiredCapacity).toBe(0);
    await fleet.update({ ...inputs, minSize: 6, maxSize: 12 });
    expect(fleet.outputs.desiredCapacity).toBe(6);
    // What target tracking did stays.
    await groups.send(
      new asg.SetDesiredCapacityCommand({ AutoScalingGroupName: fleet.id, DesiredCapacity: 9 }),
    );
    await fleet.update({ ...inputs, minSize: 6, maxSize: 12, healthCheckGracePeriod: 60 });
    expect(fleet.outputs.desiredCapacity).toBe(9);
  });

  test("has no default tags: AWS's provider gives it none", async () => {
    const fleet = await made(GROUP, await groupInputs(), "untagged");
    expect(fleet.outputs.tagsAll).toEqual({});
    const { AutoScalingGroups } = await groups.send(
      new asg.DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [fleet.id] }),
    );
    expect(AutoScalingGroups?.[0]?.Tags?.map(({ Key }) => Key)).toEqual(["Name", "old"]);
  });

  test("refuses sizes that contradict each other", async () => {
    const inputs = { ...(await groupInputs()), minSize: 3, maxSize: 2 };
    await expect(made(GROUP, inputs, "contradiction")).rejects.toThrow(/doesn't hold/);
  });

  test("a new template rolls the instances, and nothing else does", async () => {
    const inputs = await groupInputs();
    const fleet = await made(GROUP, inputs, "rolled");
    const refreshes = async () =>
      (await groups.send(new asg.DescribeInstanceRefreshesCommand({ AutoScalingGroupName: fleet.id })))
        .InstanceRefreshes?.length;
    await fleet.update({ ...inputs, maxSize: 5 });
    expect(await refreshes()).toBe(0);
    await fleet.update({ ...inputs, launchTemplate: { ...inputs.launchTemplate, version: "2" } });
    expect(await refreshes()).toBe(1);
  });
});

test("a load balancer with deletion protection stays", async () => {
  const inputs = { name: "protected", subnets: ["subnet-1"], enableDeletionProtection: true };
  const balancer = await made("aws:lb/loadBalancer:LoadBalancer", inputs);
  await expect(balancer.delete()).rejects.toThrow(/deletion protection/);
  await balancer.update({ ...inputs, enableDeletionProtection: false });
  await balancer.delete();
  expect(await balancer.drift()).toBeUndefined();
});

test("a capacity reservation is simulated: what AWS can't change in place replaces it", async () => {
  const inputs = {
    availabilityZone: ZONE,
    instanceType: "m7g.large",
    instancePlatform: "Linux/UNIX",
    instanceCount: 2,
  };
  const reservation = await made("aws:ec2/capacityReservation:CapacityReservation", inputs);
  expect((await reservation.diff({ ...inputs, instanceCount: 3 })).changes).toEqual({
    instanceCount: "update",
  });
  expect((await reservation.diff({ ...inputs, instanceType: "m7g.xlarge" })).changes).toEqual({
    instanceType: "update-replace",
  });
});

test("a volume can't shrink", async () => {
  const inputs = { availabilityZone: ZONE, size: 100 };
  const volume = await made("aws:ebs/volume:Volume", inputs);
  await expect(volume.update({ ...inputs, size: 50 })).rejects.toThrow(/can't shrink/);
});

test("each region has its own: one name lives in both", async () => {
  const other = await awsPlugin(RECOVERY);
  const inputs = { name: "both", imageId: "ami-1" };
  const here = await made(TEMPLATE, inputs);
  const there = await new Resource(other, TEMPLATE).create(inputs);
  await here.delete();
  expect(await here.drift()).toBeUndefined();
  expect(await there.drift()).toEqual([]);
});
