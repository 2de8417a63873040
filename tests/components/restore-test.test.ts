import { beforeAll, expect, test } from "vitest";
import { BASE_SETTINGS, type Recording, recordStack } from "../support/recorder.js";

let region: Recording;
beforeAll(async () => {
  region = await recordStack("dr", { ...BASE_SETTINGS, site: "cold", restoreTest: { everyHours: 12 } });
});

const inputs = (name: string) => region.one(`restore-test-${name}`).inputs;

test("a group of none that may have one, in any zone, and that no `up` lowers", () => {
  expect(inputs("group")).toMatchObject({
    name: "drs-eu-central-1-restore",
    minSize: 0,
    maxSize: 1,
    vpcZoneIdentifiers: [
      "network-data-eu-central-1a-id",
      "network-data-eu-central-1b-id",
      "network-data-eu-central-1c-id",
    ],
  });
  expect(inputs("group")).not.toHaveProperty("desiredCapacity");
});

test("a machine like a database node, with its own disk, which is deleted with it", () => {
  const node = region.one("database-1-template").inputs;
  const template = inputs("template");
  expect(template.instanceType).toBe(node.instanceType);
  expect(template.imageId).toBe(node.imageId);
  expect(template.metadataOptions).toEqual(node.metadataOptions);
  expect(template.iamInstanceProfile).toEqual({ name: "drs-eu-central-1-restore" });
  expect(template.blockDeviceMappings.map(({ deviceName }: any) => deviceName)).toEqual([
    "/dev/xvda",
    "/dev/sdf",
  ]);
  expect(template.blockDeviceMappings[1].ebs).toMatchObject({
    volumeSize: region.one("database-1-data").inputs.size,
    encrypted: "true",
    deleteOnTermination: "true",
  });
  // Without the nodes' tag, none of their volumes can be attached to it.
  for (const { tags } of template.tagSpecifications) expect(tags).not.toHaveProperty("dr-node");
});

test("it calls AWS, and no machine connects to it", () => {
  const { securityGroupId, ...rule } = inputs("to-aws");
  expect(inputs("template").vpcSecurityGroupIds).toEqual([securityGroupId]);
  expect(rule).toMatchObject({ fromPort: 443, toPort: 443, ipProtocol: "tcp" });
  const others = region.resources.filter(
    ({ type, inputs: rule }) => type.startsWith("aws:vpc/") && rule.securityGroupId === securityGroupId,
  );
  expect(others).toHaveLength(1);
});

test("a schedule calls it, by a role that can do nothing else", () => {
  const { scheduleExpression, target } = inputs("begin");
  expect(scheduleExpression).toBe("rate(12 hours)");
  expect(target).toMatchObject({
    arn: "arn:aws:scheduler:::aws-sdk:autoscaling:setDesiredCapacity",
    roleArn: "arn:aws:iam::123456789012:role/drs-eu-central-1-restore-schedule",
  });
  expect(JSON.parse(target.input)).toEqual({
    AutoScalingGroupName: "drs-eu-central-1-restore",
    DesiredCapacity: 1,
  });
});

test("one that hangs is ended, and told of", () => {
  const hangs = inputs("hangs");
  expect(hangs).toMatchObject({
    metricName: "GroupDesiredCapacity",
    dimensions: { AutoScalingGroupName: "drs-eu-central-1-restore" },
    statistic: "Minimum",
    threshold: 0,
  });
  // Two hours are allowed for a test, half an hour around it.
  expect(hangs.period * hangs.evaluationPeriods).toBe(9000);
  expect(hangs.alarmActions).toEqual([
    expect.stringMatching(/restore-test-end$/),
    expect.stringMatching(/alarms-topics-notify$/),
  ]);
  expect(inputs("end")).toMatchObject({ adjustmentType: "ExactCapacity", scalingAdjustment: 0 });
});

test("nothing of it when restores aren't tested", async () => {
  const off = await recordStack("dr", { ...BASE_SETTINGS, restoreTest: { everyHours: 0 } });
  expect(off.resources.filter(({ name }) => name.startsWith("restore-test"))).toEqual([]);
});

test("a promotion changes nothing of it", async () => {
  const promoted = await recordStack("dr", {
    ...BASE_SETTINGS,
    site: "cold",
    restoreTest: { everyHours: 12 },
    epoch: 2,
  });
  const own = ({ resources }: Recording) =>
    resources.filter(({ name }) => name.startsWith("restore-test")).map(({ inputs }) => inputs);
  expect(own(promoted)).toEqual(own(region));
});
