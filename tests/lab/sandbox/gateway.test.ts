import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { IAMClient, ListRolesCommand } from "@aws-sdk/client-iam";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Gateway, startGateway } from "../../../lab/sandbox/emulator/gateway.js";
import { HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";

useEmulator();

describe("gateway", () => {
  let gateway: Gateway;
  let emulator: string;

  beforeEach(async () => {
    emulator = process.env.DR_SANDBOX_ENDPOINT as string;
    gateway = await startGateway({ target: emulator, denied: ["us-east-1"] });
    process.env.DR_SANDBOX_ENDPOINT = gateway.endpoint;
  });
  afterEach(async () => {
    process.env.DR_SANDBOX_ENDPOINT = emulator;
    await gateway.close();
  });

  it("writes down region, service and operation of each call, in every protocol that AWS speaks", async () => {
    await sdk(EC2Client, HOME).send(new DescribeVpcsCommand({}));
    await sdk(DynamoDBClient, RECOVERY).send(new ListTablesCommand({}));
    await sdk(S3Client, HOME).send(new CreateBucketCommand({ Bucket: "seen" }));
    expect(gateway.calls).toEqual([
      { region: HOME, service: "ec2", action: "DescribeVpcs", denied: false },
      { region: RECOVERY, service: "dynamodb", action: "ListTables", denied: false },
      { region: HOME, service: "s3", action: "PUT /seen/", denied: false },
    ]);
  });

  it("carries bodies both ways, large ones too", async () => {
    const s3 = sdk(S3Client, HOME);
    const Body = "wal".repeat(700_000);
    await s3.send(new CreateBucketCommand({ Bucket: "large" }));
    await s3.send(new PutObjectCommand({ Bucket: "large", Key: "segment", Body }));
    const { Body: back } = await s3.send(new GetObjectCommand({ Bucket: "large", Key: "segment" }));
    expect((await back?.transformToString()) === Body).toBe(true);
  });

  it("hands on what the emulator refuses", async () => {
    const missing = sdk(EC2Client, HOME).send(new DescribeVpcsCommand({ VpcIds: ["vpc-1"] }));
    await expect(missing).rejects.toMatchObject({ name: "InvalidVpcID.NotFound" });
  });

  it("resets connections to a denied region, and only to that one", async () => {
    const roles = sdk(IAMClient, "us-east-1").send(new ListRolesCommand({}));
    await expect(roles).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(gateway.calls.every(({ region, denied }) => region === "us-east-1" && denied)).toBe(true);
    await sdk(EC2Client, HOME).send(new DescribeVpcsCommand({}));
    expect(gateway.calls.at(-1)).toMatchObject({ region: HOME, denied: false });
  });

  it("takes a region away and gives it back while running", async () => {
    const ec2 = sdk(EC2Client, HOME);
    await ec2.send(new DescribeVpcsCommand({}));
    gateway.deny(HOME);
    await expect(ec2.send(new DescribeVpcsCommand({}))).rejects.toMatchObject({ code: "ECONNRESET" });
    gateway.allow(HOME);
    await ec2.send(new DescribeVpcsCommand({}));
    expect(gateway.calls.at(-1)?.denied).toBe(false);
  });

  it("knows the region of a presigned address by its query", async () => {
    const credential = encodeURIComponent("test/20260101/us-east-1/s3/aws4_request");
    const address = `${gateway.endpoint}/bucket/key?X-Amz-Credential=${credential}`;
    await expect(fetch(address)).rejects.toThrow();
    expect(gateway.calls).toEqual([
      { region: "us-east-1", service: "s3", action: "GET /bucket/key", denied: true },
    ]);
  });

  it("passes requests without a signature: they belong to no region", async () => {
    const health = await fetch(`${gateway.endpoint}/_ministack/health`);
    expect(health.ok).toBe(true);
    expect(gateway.calls).toEqual([]);
  });
});
