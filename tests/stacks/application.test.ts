import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleWar } from "../../applications/sample/war.js";
import { applicationOf } from "../../stacks/application.js";
import { BASE_SETTINGS, recordStack } from "../support/recorder.js";

const OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2";
const region = { artifactBucket: "artifacts" };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "war-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const of = (war: string) => applicationOf({ application: { war } }, region);
const war = (content: string) => {
  const path = join(folder, "shop.war");
  writeFileSync(path, content);
  return of(path);
};

test("a WAR in S3 is taken from there, and nothing is uploaded", () => {
  expect(of("s3://releases/shop/1.2.war")).toEqual({ uri: "s3://releases/shop/1.2.war" });
});

test("a file is uploaded under a name of its content: the same one again, another one elsewhere", () => {
  const first = war("one");
  expect(first.uri).toMatch(/^s3:\/\/artifacts\/applications\/shop-[0-9a-f]{16}\.war$/);
  expect(first.uri).toBe(`s3://artifacts/${first.upload?.key}`);
  expect(war("one")).toEqual(first);
  expect(war("two").uri).not.toBe(first.uri);
});

test("the sample is in the repository", () => {
  const hash = createHash("sha256").update(readFileSync(sampleWar())).digest("hex");
  expect(of("sample").uri).toContain(hash.slice(0, 16));
});

test("a file that isn't there is one clear error", () => {
  expect(() => of("build/none.war")).toThrow(/application\.war = build\/none\.war can't be read/);
});

test("servers get the address that the stack uploads to, and start after the upload", async () => {
  const dr = await recordStack("dr");
  const object = dr.one("application-war", OBJECT);
  expect(object).toMatchObject({ region: "eu-central-1", retainOnDelete: true });
  expect(object.inputs.source).toEqual({ file: "applications/sample/sample.war" });
  const uri = `s3://${object.inputs.bucket}/${object.inputs.key}`;
  expect(dr.outputs.application).toBe(uri);
  const template = dr.one("fleet-template");
  expect(Buffer.from(template.inputs.userData, "base64").toString()).toContain(uri);
  expect(template.dependencies.some((urn) => urn.endsWith("::application-war"))).toBe(true);
});

test("a WAR in another bucket: no upload, and servers may read it and no other object there", async () => {
  const raw = { ...BASE_SETTINGS, application: { war: "s3://releases/shop/1.2.war" } };
  expect((await recordStack("dr", raw)).ofType(OBJECT)).toEqual([]);
  const policy = (await recordStack("global", raw)).one("access-recovery-tomcat-policy").inputs.policy;
  const resources = JSON.parse(policy).Statement.flatMap(({ Resource }: { Resource: string }) => Resource);
  expect(resources.filter((one: string) => one.includes("releases"))).toEqual([
    "arn:aws:s3:::releases/shop/1.2.war",
  ]);
});
