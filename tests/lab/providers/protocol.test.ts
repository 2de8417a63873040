/** The stand-in as the engine meets it: a separate process that speaks gRPC. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { GetInstanceProfileCommand, IAMClient } from "@aws-sdk/client-iam";
import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import * as grpc from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import p from "@pulumi/pulumi/proto/provider_pb.js";
import statusproto from "@pulumi/pulumi/proto/status_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { REPO } from "../../../common/paths.js";
import { type Props, UNKNOWN } from "../../../lab/providers/values.js";
import { HOME, sdk, useEmulator } from "../support/emulator.js";

const BUCKET = "aws:s3/bucket:Bucket";
const PARAMETER = "aws:ssm/parameter:Parameter";
const KEY = "aws:kms/key:Key";
const PROFILE = "aws:iam/instanceProfile:InstanceProfile";

useEmulator();

/** A provider process and the engine's side of the wire. */
class Wire {
  private constructor(
    private readonly child: ChildProcess,
    private readonly client: any,
  ) {}

  static async open(env: Record<string, string> = {}): Promise<Wire> {
    const child = spawn(process.execPath, ["--import", "tsx", "lab/providers/main.ts", "aws"], {
      cwd: REPO,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    // The protocol's first word: the port, alone on a line.
    const [port] = (await once(createInterface(child.stdout as NodeJS.ReadableStream), "line")) as [string];
    expect(port).toMatch(/^\d+$/);
    const Client = service.ResourceProviderClient as any;
    return new Wire(child, new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure()));
  }

  async close(): Promise<void> {
    this.client.close();
    const exited = once(this.child, "exit");
    this.child.kill();
    await exited;
  }

  call(method: string, request: unknown): Promise<any> {
    return new Promise((resolve, reject) =>
      this.client[method](request, (error: Error | null, response: unknown) =>
        error ? reject(error) : resolve(response),
      ),
    );
  }

  async configure(args: Props = {}): Promise<any> {
    const request = new p.ConfigureRequest();
    request.setArgs(toStruct({ region: HOME, ...args }));
    return this.call("configure", request);
  }

  async check(type: string, news: Props, olds: Props = {}): Promise<Props> {
    const request = new p.CheckRequest();
    request.setUrn(urnOf(type));
    request.setNews(toStruct(news));
    request.setOlds(toStruct(olds));
    request.setRandomseed(Buffer.from("seed of the engine"));
    return (await this.call("check", request)).getInputs().toJavaScript();
  }

  async diff(type: string, olds: Props, news: Props) {
    const request = new p.DiffRequest();
    request.setUrn(urnOf(type));
    request.setId("id");
    request.setOlds(toStruct(olds));
    request.setOldInputs(toStruct(olds));
    request.setNews(toStruct(news));
    const response = await this.call("diff", request);
    const detailed: Record<string, string | undefined> = {};
    response.getDetaileddiffMap().forEach((detail: any, name: string) => {
      const kinds = Object.entries(p.PropertyDiff.Kind);
      detailed[name] = kinds.find(([, kind]) => kind === detail.getKind())?.[0];
    });
    return {
      some: response.getChanges() === p.DiffResponse.DiffChanges.DIFF_SOME,
      replaces: response.getReplacesList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
      detailed,
    };
  }

  async create(type: string, inputs: Props, preview = false): Promise<{ id: string; outputs: Props }> {
    const request = new p.CreateRequest();
    request.setUrn(urnOf(type));
    request.setProperties(toStruct(inputs));
    request.setPreview(preview);
    const response = await this.call("create", request);
    return { id: response.getId(), outputs: response.getProperties().toJavaScript() };
  }

  async previewUpdate(type: string, id: string, olds: Props, oldInputs: Props, news: Props): Promise<Props> {
    const request = new p.UpdateRequest();
    request.setUrn(urnOf(type));
    request.setId(id);
    request.setOlds(toStruct(olds));
    request.setOldInputs(toStruct(oldInputs));
    request.setNews(toStruct(news));
    request.setPreview(true);
    return (await this.call("update", request)).getProperties().toJavaScript();
  }

  async read(type: string, id: string, state: Props): Promise<any> {
    const request = new p.ReadRequest();
    request.setUrn(urnOf(type));
    request.setId(id);
    request.setProperties(toStruct(state));
    request.setInputs(toStruct(state));
    return this.call("read", request);
  }
}

const urnOf = (type: string) => `urn:pulumi:prod::disaster-recovery::dr:test:Parent$${type}::logs`;
const toStruct = (props: Props) => struct.Struct.fromJavaScript(props as never);

let wire: Wire;

describe("before it is used", () => {
  afterEach(() => wire.close());

  test.each(["https://s3.amazonaws.com", "http://10.0.0.1:4566", "http://127.0.0.1.example.com"])(
    "refuses the endpoint %s",
    async (endpoint) => {
      wire = await Wire.open({ DR_SANDBOX_ENDPOINT: endpoint });
      await expect(wire.configure()).rejects.toThrow(
        new RegExp(
          `DR_SANDBOX_ENDPOINT = ${endpoint}[\\s\\S]*loopback only[\\s\\S]*Pulumi's own AWS provider`,
        ),
      );
    },
  );

  test("says how to get an endpoint when there is none", async () => {
    wire = await Wire.open({ DR_SANDBOX_ENDPOINT: "" });
    await expect(wire.configure()).rejects.toThrow(
      /only works against the emulator[\s\S]*npx dr sandbox env/,
    );
  });

  test("refuses another account than the settings name", async () => {
    wire = await Wire.open();
    await expect(wire.configure({ allowedAccountIds: '["999988887777"]' })).rejects.toThrow(
      /AWS account 111122223333 is not allowed/,
    );
  });

  test("takes no secrets on the wire, and previews", async () => {
    wire = await Wire.open();
    const response = await wire.configure();
    expect(response.getAcceptsecrets()).toBe(false);
    expect(response.getSupportspreview()).toBe(true);
  });
});

describe("configured", () => {
  beforeAll(async () => {
    wire = await Wire.open();
    await wire.configure({ defaultTags: '{"tags":{"project":"sandbox"}}' });
  });
  afterAll(() => wire.close());

  test("check names a resource and keeps the name", async () => {
    const first = await wire.check(BUCKET, { forceDestroy: true });
    expect(first).toEqual({
      bucket: expect.stringMatching(/^logs-[0-9a-f]{7}$/),
      forceDestroy: true,
      __defaults: ["bucket"],
    });
    expect(await wire.check(BUCKET, {}, { bucket: "logs-0000000", __defaults: ["bucket"] })).toMatchObject({
      bucket: "logs-0000000",
    });
    // A name that the program chose and then dropped is not kept.
    expect(await wire.check(BUCKET, {}, { bucket: "chosen" })).toEqual({
      bucket: first.bucket,
      __defaults: ["bucket"],
    });
    expect(await wire.check(BUCKET, { bucket: "mine" })).toEqual({ bucket: "mine" });
    expect(await wire.check(BUCKET, { bucket: UNKNOWN })).toEqual({ bucket: UNKNOWN });
  });

  test("a preview keeps unknown what is unknown, and makes nothing", async () => {
    const preview = await wire.create(BUCKET, { bucket: "previewed", tags: { owner: UNKNOWN } }, true);
    expect(preview.id).toBe("");
    expect(preview.outputs).toMatchObject({
      bucket: "previewed",
      arn: UNKNOWN,
      tags: { owner: UNKNOWN },
      tagsAll: { project: "sandbox", owner: UNKNOWN },
      region: HOME,
    });
    await expect(sdk(S3Client).send(new HeadBucketCommand({ Bucket: "previewed" }))).rejects.toThrow();
  });

  test("an update's preview knows what stays, not what the update will change", async () => {
    const inputs = { name: "/dr/preview", type: "String", value: "1", description: "Dropped" };
    const { id, outputs } = await wire.create(PARAMETER, inputs);
    expect(outputs.version).toBe(1);
    const { description, ...kept } = inputs;
    const news = { ...kept, value: UNKNOWN };
    const preview = await wire.previewUpdate(PARAMETER, id, outputs, inputs, news);
    expect(preview).toMatchObject({ ...news, version: UNKNOWN, arn: outputs.arn });
    expect(preview).not.toHaveProperty("description");
  });

  test("a diff names each change and its kind", async () => {
    const olds = { bucket: "old", forceDestroy: true, tags: { owner: "sre" } };
    expect(await wire.diff(BUCKET, olds, olds)).toEqual({
      some: false,
      replaces: [],
      deleteBeforeReplace: false,
      detailed: {},
    });
    expect(await wire.diff(BUCKET, olds, { bucket: "old", tags: { owner: "dba" } })).toEqual({
      some: true,
      replaces: [],
      deleteBeforeReplace: false,
      detailed: { forceDestroy: "DELETE", tags: "UPDATE" },
    });
    expect(await wire.diff(BUCKET, olds, { ...olds, bucket: "new" })).toMatchObject({
      replaces: ["bucket"],
      deleteBeforeReplace: false,
      detailed: { bucket: "UPDATE_REPLACE" },
    });
    // The same name can't exist twice: the old one goes first.
    expect(await wire.diff(BUCKET, olds, { ...olds, objectLockEnabled: true })).toMatchObject({
      replaces: ["objectLockEnabled"],
      deleteBeforeReplace: true,
      detailed: { objectLockEnabled: "ADD_REPLACE" },
    });
    expect(await wire.diff(BUCKET, olds, { ...olds, region: "eu-west-2" })).toMatchObject({
      replaces: ["region"],
    });
  });

  test("policies are compared by what they say, and an unknown is a change", async () => {
    const policy = (text: string) => ({ policy: text });
    const olds = policy('{"Version":"2012-10-17","Statement":[]}');
    expect(await wire.diff(KEY, olds, policy('{ "Statement": [], "Version": "2012-10-17" }'))).toMatchObject({
      some: false,
    });
    expect(await wire.diff(KEY, olds, policy(UNKNOWN))).toMatchObject({ detailed: { policy: "UPDATE" } });
  });

  test("a create that fails half-way reports the id of what it made", async () => {
    const failed: any = await wire.create(PROFILE, { name: "half-made", role: "nobody" }).then(
      () => undefined,
      (error: grpc.ServiceError) => error,
    );
    expect(failed.details).toMatch(/NoSuchEntity/);
    const [packed] = failed.metadata.get("grpc-status-details-bin");
    const [detail] = statusproto.Status.deserializeBinary(packed).getDetailsList() as any[];
    expect(detail.getTypeName()).toBe("pulumirpc.ErrorResourceInitFailed");
    const report: any = p.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
    expect(report.getId()).toBe("half-made");
    expect(report.getProperties().toJavaScript()).toMatchObject({ name: "half-made", role: "nobody" });
    expect(report.getReasonsList()).toEqual([expect.stringMatching(/NoSuchEntity/)]);
    await sdk(IAMClient).send(new GetInstanceProfileCommand({ InstanceProfileName: "half-made" }));
  });

  test("what is gone is read as an empty id", async () => {
    const response = await wire.read(BUCKET, "never-made", { bucket: "never-made" });
    expect(response.getId()).toBe("");
  });

  test("an error of AWS carries its code", () =>
    expect(wire.create(BUCKET, { bucket: "Not_A_Name" })).rejects.toThrow(/InvalidBucketName: /));
});
