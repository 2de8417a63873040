/** `dr bootstrap state-bucket` against the emulated S3. */
import {
  CreateBucketCommand,
  GetBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { statePolicy, statePolicyWithoutRoles } from "../../../components/access/state-policies.js";
import { makeStateBucket, stateBucketDifferences } from "../../../operations/state-bucket.js";
import { contractOf } from "../../../settings/contract.js";
import { parseSharedSettings } from "../../../settings/parse.js";
import { BASE_SETTINGS } from "../../support/recorder.js";
import { sdk, useEmulator } from "../support/emulator.js";

useEmulator();

const REGION = "eu-west-3";
const ACCOUNT = "111122223333";
const contract = contractOf(parseSharedSettings("global", BASE_SETTINGS), ACCOUNT);
const s3 = () => sdk(S3Client, REGION);
const argsOf = (bucket: string) => ({
  bucket,
  region: REGION,
  accountId: ACCOUNT,
  lockDays: 30,
  policies: [statePolicy(contract, bucket, "disaster-recovery"), statePolicyWithoutRoles(contract, bucket)],
  client: s3(),
});

test("makes the bucket with all of its protection, and does the same again", async () => {
  const args = argsOf("drs-state-new");
  expect(await makeStateBucket(args)).toBe(0);
  expect(await stateBucketDifferences(args)).toEqual([]);
  expect(await makeStateBucket(args)).toBe(0);
  expect(await stateBucketDifferences(args, 0)).toEqual([]);
});

test("brings a bucket that was made by hand to the same protection", async () => {
  const args = argsOf("drs-state-by-hand");
  await s3().send(
    new CreateBucketCommand({
      Bucket: args.bucket,
      CreateBucketConfiguration: { LocationConstraint: REGION },
    }),
  );
  // S3 closes a new bucket to the public by itself.
  expect((await stateBucketDifferences(args)).map((line) => line.split(":")[0])).toEqual(
    expect.arrayContaining(["versioning", "lockMode", "lockDays", "supersededDays", "policy"]),
  );
  await makeStateBucket(args);
  expect(await stateBucketDifferences(args)).toEqual([]);
  expect((await s3().send(new GetBucketVersioningCommand({ Bucket: args.bucket }))).Status).toBe("Enabled");
});

test("names what somebody weakened", async () => {
  const args = argsOf("drs-state-weakened");
  await makeStateBucket(args);
  await s3().send(
    new PutObjectLockConfigurationCommand({
      Bucket: args.bucket,
      ObjectLockConfiguration: {
        ObjectLockEnabled: "Enabled",
        Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } },
      },
    }),
  );
  expect(await stateBucketDifferences(args)).toEqual([
    "lockMode: GOVERNANCE instead of COMPLIANCE",
    "lockDays: 1 instead of 30",
  ]);
});

test("where the pipeline's roles don't exist yet, S3 refuses their names: the policy without them is put", async () => {
  const args = argsOf("drs-state-early");
  const client = s3();
  const send = client.send.bind(client) as (command: unknown) => Promise<unknown>;
  client.send = (async (command: { input: { Policy?: string } }) => {
    if (command.input.Policy?.includes('"AWS"'))
      throw Object.assign(new Error("Invalid principal in policy"), { name: "MalformedPolicy" });
    return await send(command);
  }) as never;
  expect(await makeStateBucket({ ...args, client })).toBe(1);
  expect(await stateBucketDifferences(args, 0)).toEqual(["policy: another one"]);
});
