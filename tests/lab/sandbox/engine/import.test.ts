/** What was made by hand is taken over, and what was changed by hand is found, through the engine. */
import { CreateBucketCommand, PutBucketTaggingCommand, S3Client } from "@aws-sdk/client-s3";
import * as aws from "@pulumi/aws";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientFor } from "../../../../lab/providers/aws/context.js";
import { Sandbox } from "../../../../lab/sandbox/sandbox.js";
import { quiet } from "../../../support/quiet.js";
import { withTemporaryDir } from "../../support/temporary-dir.js";

const temporary = withTemporaryDir();
let sandbox: Sandbox;
let s3: S3Client;

beforeAll(async () => {
  await temporary.enter();
  sandbox = await Sandbox.open(quiet(), 0);
  s3 = clientFor(S3Client, sandbox.emulator.endpoint, "eu-west-1");
  await s3.send(
    new CreateBucketCommand({
      Bucket: "made-by-hand",
      CreateBucketConfiguration: { LocationConstraint: "eu-west-1" },
    }),
  );
});
afterAll(() => temporary.leave());

const program = (imported: boolean) => async () => {
  const provider = new aws.Provider("aws", { region: "eu-west-1" });
  new aws.s3.Bucket(
    "taken-over",
    { bucket: "made-by-hand" },
    { provider, ...(imported ? { import: "made-by-hand" } : {}) },
  );
};
const run = (imported: boolean) => ({ program: program(imported), policies: false });

test("an import makes nothing new, and the next up changes nothing", async () => {
  const { changes } = await sandbox.up("prod", run(true));
  expect(changes.filter(({ name }) => name === "taken-over").map(({ operation }) => operation)).toEqual([
    "import",
  ]);
  expect((await sandbox.up("prod", run(false))).changes).toEqual([]);
});

test("a tag put on by hand is found by refresh and taken off by up", async () => {
  await s3.send(
    new PutBucketTaggingCommand({
      Bucket: "made-by-hand",
      Tagging: { TagSet: [{ Key: "by", Value: "hand" }] },
    }),
  );
  const refresh = await sandbox.refresh("prod", run(false));
  expect(refresh.changes.map(({ operation, name }) => `${operation} ${name}`)).toEqual(["update taken-over"]);
  const healed = await sandbox.up("prod", run(false));
  expect(healed.changes.map(({ operation, name }) => `${operation} ${name}`)).toEqual(["update taken-over"]);
  expect((await sandbox.refresh("prod", run(false))).changes).toEqual([]);
});
