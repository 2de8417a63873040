import { beforeAll, describe, expect, test } from "vitest";
import { TomcatFleet } from "../../components/tomcat-fleet.js";
import { ACTIVE_PATH, contractOf } from "../../settings/contract.js";
import { parseRegionSettings } from "../../settings/parse.js";
import { awsProvider } from "../../stacks/providers.js";
import { ACCOUNT_ID, BASE_SETTINGS, HANDOFF, type Recording, record } from "../support/recorder.js";

const build = (raw: Record<string, unknown> = {}) => {
  const settings = parseRegionSettings("dr", { ...BASE_SETTINGS, ...raw });
  const contract = contractOf(settings, ACCOUNT_ID);
  return record(() => {
    const provider = awsProvider(settings, "eu-central-1");
    new TomcatFleet(
      "fleet",
      {
        settings,
        contract,
        region: "recovery",
        vpcId: "vpc-1",
        publicSubnetIds: ["public-a", "public-b", "public-c"],
        privateSubnetIds: ["private-a", "private-b", "private-c"],
        loadBalancerSecurityGroupId: "sg-lb",
        tomcatSecurityGroupId: "sg-tomcat",
        dataKeyArn: HANDOFF.dataKeyArn,
        certificateArn: HANDOFF.certificateArn,
        hostedZoneId: HANDOFF.hostedZoneId,
        applicationUri: "s3://artifacts/applications/shop-1.war",
        size: { min: 2, max: 12 },
      },
      { provider },
    );
    return {};
  });
};

test("tells the sample application that it may run only where the settings allow it", async () => {
  const told = async (application: object) => {
    const { resources } = await build({ application });
    const template = resources.find(({ type }) => type === "aws:ec2/launchTemplate:LaunchTemplate");
    return Buffer.from(template?.inputs.userData, "base64").toString();
  };
  expect(await told({})).toContain("DR_DATABASE_WRITE_URL");
  expect(await told({})).not.toContain("DR_SAMPLE");
  expect(await told({ allowSample: true })).toContain('DR_SAMPLE="allowed"');
});

describe("a fleet", () => {
  let fleet: Recording;
  beforeAll(async () => {
    fleet = await build();
  });

  test("the load balancer is in three public subnets, can't be deleted by mistake and drops bad headers", () => {
    expect(fleet.one("fleet-alb").inputs).toMatchObject({
      subnets: ["public-a", "public-b", "public-c"],
      internal: false,
      enableDeletionProtection: true,
      dropInvalidHeaderFields: true,
    });
  });

  test("HTTPS forwards under TLS 1.3, HTTP only redirects", () => {
    expect(fleet.one("fleet-https").inputs).toMatchObject({
      port: 443,
      protocol: "HTTPS",
      sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
      certificateArn: HANDOFF.certificateArn,
      defaultActions: [{ type: "forward" }],
    });
    expect(fleet.one("fleet-http").inputs.defaultActions).toEqual([
      { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
    ]);
  });

  test("targets are checked on a path that a standby passes, not on the one that decides about failover", () => {
    const { healthCheck, port } = fleet.one("fleet-targets").inputs;
    expect(healthCheck).toMatchObject({ path: "/dr/healthz", matcher: "200", port: "8081" });
    expect(healthCheck.path).not.toBe(ACTIVE_PATH);
    expect(port).toBe(8081);
  });

  test("servers demand IMDSv2, have an encrypted disk and their role, and no public address", () => {
    const { inputs } = fleet.one("fleet-template");
    expect(inputs.metadataOptions).toMatchObject({ httpTokens: "required", httpPutResponseHopLimit: 1 });
    expect(inputs.blockDeviceMappings[0].ebs).toMatchObject({
      encrypted: "true",
      kmsKeyId: HANDOFF.dataKeyArn,
    });
    expect(inputs.iamInstanceProfile).toEqual({ name: "drs-eu-central-1-tomcat" });
    expect(inputs.vpcSecurityGroupIds).toEqual(["sg-tomcat"]);
    expect(inputs.networkInterfaces).toBeUndefined();
  });

  test("the group spans three private subnets; its size is a range, and target tracking picks within", () => {
    const { inputs } = fleet.one("fleet-group");
    expect(inputs).toMatchObject({
      minSize: 2,
      maxSize: 12,
      vpcZoneIdentifiers: ["private-a", "private-b", "private-c"],
      healthCheckType: "ELB",
      waitForCapacityTimeout: "0",
      instanceRefresh: { strategy: "Rolling", preferences: { minHealthyPercentage: 90 } },
    });
    // A number here would take back what target tracking did, at each `up`.
    expect(inputs.desiredCapacity).toBeUndefined();
    expect(inputs.enabledMetrics).toContain("GroupDesiredCapacity");
    expect(fleet.one("fleet-cpu").inputs.targetTrackingConfiguration).toMatchObject({
      predefinedMetricSpecification: { predefinedMetricType: "ASGAverageCPUUtilization" },
      targetValue: 50,
    });
  });

  test("an instance refresh can always start a server before it ends one", () => {
    const { preferences } = fleet.one("fleet-group").inputs.instanceRefresh;
    expect(preferences.maxHealthyPercentage).toBeGreaterThan(100);
    // AWS refuses a wider span.
    expect(preferences.maxHealthyPercentage - preferences.minHealthyPercentage).toBeLessThanOrEqual(100);
  });

  test("the region's own name is the only record, and points to the load balancer whatever its health", () => {
    expect(fleet.ofType("aws:route53/record:Record").map((r) => r.inputs)).toEqual([
      expect.objectContaining({
        zoneId: HANDOFF.hostedZoneId,
        name: "eu-central-1.app.example.com",
        type: "A",
        aliases: [{ name: "fleet-alb.elb.amazonaws.com", zoneId: "ZELB", evaluateTargetHealth: false }],
      }),
    ]);
  });

  test("nothing of IAM is made in a region", () => {
    expect(fleet.resources.filter((r) => r.type.startsWith("aws:iam"))).toEqual([]);
  });
});

describe("reserved capacity", () => {
  const reservations = (recording: Recording) =>
    recording.ofType("aws:ec2/capacityReservation:CapacityReservation").map((r) => r.inputs);

  test("a warm region may reserve its full size, a third in each zone, for its fleet alone", async () => {
    const fleet = await build({ fleet: { reserveCapacity: true, fullSize: 7 } });
    expect(reservations(fleet).map((r) => [r.availabilityZone, r.instanceCount])).toEqual([
      ["eu-central-1a", 3],
      ["eu-central-1b", 3],
      ["eu-central-1c", 3],
    ]);
    for (const r of reservations(fleet)) expect(r).toMatchObject({ instanceMatchCriteria: "targeted" });
    expect(
      fleet.one("fleet-group").inputs.capacityReservationSpecification.capacityReservationTarget
        .capacityReservationIds,
    ).toHaveLength(3);
  });

  test("no reservation by default, nor on a cold or hot site", async () => {
    for (const raw of [
      {},
      { site: "cold", fleet: { reserveCapacity: true } },
      { site: "hot", fleet: { reserveCapacity: true } },
    ]) {
      const fleet = await build(raw);
      expect(reservations(fleet)).toEqual([]);
      expect(fleet.one("fleet-group").inputs.capacityReservationSpecification).toBeUndefined();
    }
  });
});
