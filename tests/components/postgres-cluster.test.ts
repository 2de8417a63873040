import { beforeAll, describe, expect, test } from "vitest";
import { PostgresCluster } from "../../components/postgres-cluster.js";
import { contractOf } from "../../settings/contract.js";
import { parseSharedSettings } from "../../settings/parse.js";
import { awsProvider } from "../../stacks/providers.js";
import { ACCOUNT_ID, BASE_SETTINGS, HANDOFF, type Recording, record } from "../support/recorder.js";

const build = (machinesPerNode: 0 | 1, database: Record<string, unknown> = {}) => {
  const settings = parseSharedSettings("prod", { ...BASE_SETTINGS, database });
  const contract = contractOf(settings, ACCOUNT_ID);
  return record(() => {
    const provider = awsProvider(settings, "eu-west-1");
    new PostgresCluster(
      "database",
      {
        settings,
        contract,
        region: "home",
        subnetIds: ["subnet-a", "subnet-b", "subnet-c"],
        securityGroupId: "sg-database",
        dataKeyArn: HANDOFF.dataKeyArn,
        machinesPerNode,
      },
      { provider },
    );
    return {};
  });
};

describe("a running cluster", () => {
  let cluster: Recording;
  beforeAll(async () => {
    cluster = await build(1, { volumeGib: 500, volumeIops: 6000, volumeThroughputMibps: 250 });
  });

  test("each node has its own address from the contract, in the subnet of its zone", () => {
    const interfaces = cluster.ofType("aws:ec2/networkInterface:NetworkInterface").map((r) => r.inputs);
    expect(interfaces).toMatchObject([
      { privateIps: ["10.10.200.10"], subnetId: "subnet-a", securityGroups: ["sg-database"] },
      { privateIps: ["10.10.201.10"], subnetId: "subnet-b", securityGroups: ["sg-database"] },
      { privateIps: ["10.10.202.10"], subnetId: "subnet-c", securityGroups: ["sg-database"] },
    ]);
  });

  test("each node has a protected, encrypted data volume in its zone, marked as its own", () => {
    const volumes = cluster.ofType("aws:ebs/volume:Volume");
    expect(volumes.map((v) => v.inputs.availabilityZone)).toEqual(["eu-west-1a", "eu-west-1b", "eu-west-1c"]);
    volumes.forEach((volume, i) => {
      expect(volume.protect).toBe(true);
      expect(volume.inputs).toMatchObject({
        type: "gp3",
        size: 500,
        iops: 6000,
        throughput: 250,
        encrypted: true,
        kmsKeyId: HANDOFF.dataKeyArn,
        tags: { "dr-node": `drs-eu-west-1-db-${i + 1}` },
      });
    });
  });

  test("the interface is device 0 and outlives the machine", () => {
    expect(cluster.one("database-2-template").inputs.networkInterfaces).toEqual([
      { deviceIndex: 0, networkInterfaceId: "database-2-interface-id", deleteOnTermination: "false" },
    ]);
    // With an interface in the template, groups in the template are refused by AWS.
    expect(cluster.one("database-2-template").inputs.vpcSecurityGroupIds).toBeUndefined();
  });

  test("machines demand IMDSv2 within one hop, and their root disk is encrypted with our key", () => {
    for (const { inputs } of cluster.ofType("aws:ec2/launchTemplate:LaunchTemplate")) {
      expect(inputs.metadataOptions).toMatchObject({ httpTokens: "required", httpPutResponseHopLimit: 1 });
      expect(inputs.blockDeviceMappings[0].ebs).toMatchObject({
        encrypted: "true",
        kmsKeyId: HANDOFF.dataKeyArn,
        volumeType: "gp3",
      });
      expect(inputs.iamInstanceProfile).toEqual({ name: "drs-eu-west-1-database" });
      expect(inputs.monitoring).toEqual({ enabled: true });
    }
  });

  test("a machine carries its node's name, its root disk doesn't: the boot script looks volumes up by it", () => {
    const tags = cluster.one("database-1-template").inputs.tagSpecifications;
    expect(tags).toMatchObject([
      { resourceType: "instance", tags: { "dr-node": "drs-eu-west-1-db-1", project: "drs" } },
      { resourceType: "volume", tags: { project: "drs" } },
    ]);
    expect(tags[1].tags).not.toHaveProperty("dr-node");
  });

  test("each machine gets its own node's files", () => {
    const userData = (i: number) =>
      Buffer.from(cluster.one(`database-${i}-template`).inputs.userData, "base64").toString();
    expect(userData(1)).toContain("hostname: drs-eu-west-1-db-1");
    expect(userData(3)).toContain("hostname: drs-eu-west-1-db-3");
  });

  test("each node is a group of one in one zone, which ends the old machine before it starts a new one", () => {
    const groups = cluster.ofType("aws:autoscaling/group:Group").map((r) => r.inputs);
    expect(groups.map((g) => g.availabilityZones)).toEqual([["eu-west-1a"], ["eu-west-1b"], ["eu-west-1c"]]);
    for (const group of groups) {
      expect(group).toMatchObject({
        minSize: 1,
        maxSize: 1,
        desiredCapacity: 1,
        healthCheckType: "EC2",
        instanceMaintenancePolicy: { minHealthyPercentage: 0, maxHealthyPercentage: 100 },
        waitForCapacityTimeout: "0",
      });
      expect(group.vpcZoneIdentifiers).toBeUndefined();
      expect(group.instanceRefresh).toBeUndefined();
      expect(group.enabledMetrics).toContain("GroupDesiredCapacity");
    }
  });
});

test("on a cold site everything is there but the machines", async () => {
  const [cold, running] = [await build(0), await build(1)];
  expect(cold.resources.map((r) => r.name)).toEqual(running.resources.map((r) => r.name));
  for (const { inputs } of cold.ofType("aws:autoscaling/group:Group"))
    expect(inputs).toMatchObject({ minSize: 0, maxSize: 0, desiredCapacity: 0 });
});

test("five voters are in three zones, with five addresses", async () => {
  const cluster = await build(1, { voters: 5 });
  const interfaces = cluster.ofType("aws:ec2/networkInterface:NetworkInterface").map((r) => r.inputs);
  expect(interfaces.map((r) => r.subnetId)).toEqual([
    "subnet-a",
    "subnet-b",
    "subnet-c",
    "subnet-a",
    "subnet-b",
  ]);
  expect(new Set(interfaces.map((r) => r.privateIps[0])).size).toBe(5);
});

test("read replicas are machines like the voters, with their own addresses and volumes, listed after them", async () => {
  const cluster = await build(1, { readReplicas: 4 });
  const replica = (i: number, part: string) => cluster.one(`database-read-${i}-${part}`).inputs;
  expect([1, 2, 3, 4].map((i) => replica(i, "interface").privateIps)).toEqual([
    ["10.10.200.20"],
    ["10.10.201.20"],
    ["10.10.202.20"],
    ["10.10.200.21"],
  ]);
  expect(replica(2, "data")).toMatchObject({
    availabilityZone: "eu-west-1b",
    encrypted: true,
    tags: { "dr-node": "drs-eu-west-1-read-2" },
  });
  expect(cluster.one("database-read-2-data").protect).toBe(true);
  expect(Buffer.from(replica(2, "template").userData, "base64").toString()).toContain(
    "hostname: drs-eu-west-1-read-2",
  );
  expect(replica(2, "group")).toMatchObject({ availabilityZones: ["eu-west-1b"], minSize: 1, maxSize: 1 });
});

test("a further read replica leaves every other node as it is", async () => {
  const [one, two] = [await build(1, { readReplicas: 1 }), await build(1, { readReplicas: 2 })];
  const outside = (recording: Recording) =>
    recording.resources
      .filter(({ name, type }) => !name.includes("-read-2") && !type.endsWith(":LaunchTemplate"))
      .map(({ name, inputs }) => ({ name, inputs }));
  expect(outside(two)).toEqual(outside(one));
});

test("no read replica runs on a cold site", async () => {
  const cold = await build(0, { readReplicas: 1 });
  expect(cold.one("database-read-1-group").inputs).toMatchObject({ minSize: 0, maxSize: 0 });
});
