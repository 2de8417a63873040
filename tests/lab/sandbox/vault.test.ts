/** Repairs of a vault, on a bucket of the emulated S3 with versions and Object Lock. */
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectRetentionCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { beforeAll, expect, test } from "vitest";
import { VaultBucket } from "../../../operations/vault/bucket.js";
import { inspect, protect, rollBack, unhide } from "../../../operations/vault/repair.js";
import { HOME, sdk, useEmulator } from "../support/emulator.js";

useEmulator();

const Bucket = "vault";
const INFO = "home/backup/stanza/backup.info";
const LOCK_DAYS = 30;
let s3: S3Client;
let bucket: VaultBucket;

beforeAll(async () => {
  s3 = sdk(S3Client);
  bucket = new VaultBucket(s3, Bucket);
  await s3.send(
    new CreateBucketCommand({
      Bucket,
      ObjectLockEnabledForBucket: true,
      CreateBucketConfiguration: { LocationConstraint: HOME },
    }),
  );
  await protect(bucket, LOCK_DAYS, { yes: true });
});

const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));
const hide = (Key: string) => s3.send(new DeleteObjectCommand({ Bucket, Key }));
const read = async (Key: string) =>
  (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
const keys = async () =>
  ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const keysOf = (found: readonly { readonly key: string }[]) => found.map(({ key }) => key);

/** The emulator tells milliseconds, and two writes may share one. */
async function tick(): Promise<number> {
  const now = Date.now();
  while (Date.now() <= now + 1) await new Promise(setImmediate);
  return Date.now() - 1;
}

test("a hidden repository comes back whole, below its prefix only, and what pgBackRest hid before stays hidden", async () => {
  for (const key of [INFO, "home/archive/a/1", "home/old", "away/archive/b/1"]) await put(key, key);
  await hide("home/old");
  const since = await tick();
  for (const key of [INFO, "home/archive/a/1", "away/archive/b/1"]) await hide(key);
  await hide(INFO);
  expect(await keys()).toEqual([]);
  const expected = ["home/archive/a/1", INFO];
  expect(keysOf((await inspect(bucket, "home/", since, LOCK_DAYS)).hidden)).toEqual(expected);
  expect(keysOf(await unhide(bucket, "home/", since))).toEqual(expected);
  expect(await keys(), "a dry run").toEqual([]);
  await unhide(bucket, "home/", since, { yes: true });
  expect(await keys()).toEqual(expected);
  expect(await read(INFO)).toBe(INFO);
  expect(await unhide(bucket, "home/", since, { yes: true })).toEqual([]);
});

test("a list that was overwritten comes back as a locked copy; the other objects stay", async () => {
  await put(INFO, "good");
  await put("home/archive/a/2", "segment");
  const since = await tick();
  await put(INFO, "bad");
  await put("home/archive/a/2", "other");
  const { overwritten } = await inspect(bucket, "home/", since, LOCK_DAYS);
  expect(keysOf(overwritten)).toEqual(["home/archive/a/2", INFO]);
  expect(keysOf(await rollBack(bucket, "home/", since))).toEqual([INFO]);
  expect(await read(INFO), "a dry run").toBe("bad");
  await rollBack(bucket, "home/", since, [], { yes: true });
  expect(await read(INFO)).toBe("good");
  const { Retention: retention } = await s3.send(new GetObjectRetentionCommand({ Bucket, Key: INFO }));
  expect(retention?.Mode).toBe("COMPLIANCE");
  await rollBack(bucket, "home/", since, ["home/archive/a/2"], { yes: true });
  expect(await read("home/archive/a/2")).toBe("segment");
});

test("a key that wasn't there then is refused, and nothing is done", async () => {
  const since = await tick();
  await put("home/new", "new");
  await put(INFO, "worse");
  const named = (key: string) => rollBack(bucket, "home/", since, [INFO, key], { yes: true });
  await expect(named("home/new")).rejects.toThrow("It was created later.");
  await expect(named("home/never")).rejects.toThrow("The object never existed.");
  await expect(named("home/old")).rejects.toThrow("It was hidden then.");
  expect(await read(INFO)).toBe("worse");
});

test("protection is restored, and a longer lock stays", async () => {
  expect(await protect(bucket, LOCK_DAYS)).toEqual([]);
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Suspended" } }));
  const flaws = ["versioning is Suspended"];
  expect(await protect(bucket, LOCK_DAYS)).toEqual(flaws);
  expect((await inspect(bucket, "home/", 0, LOCK_DAYS)).flaws).toEqual(flaws);
  await protect(bucket, LOCK_DAYS, { yes: true });
  expect(await bucket.protection()).toEqual({
    versioning: "Enabled",
    lockMode: "COMPLIANCE",
    lockDays: LOCK_DAYS,
  });
  const lock = (Mode: "COMPLIANCE" | "GOVERNANCE", Days: number) =>
    s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket,
        ObjectLockConfiguration: { ObjectLockEnabled: "Enabled", Rule: { DefaultRetention: { Mode, Days } } },
      }),
    );
  await lock("COMPLIANCE", 90);
  expect(await protect(bucket, LOCK_DAYS, { yes: true })).toEqual([]);
  expect((await bucket.protection()).lockDays).toBe(90);
  await lock("GOVERNANCE", 40);
  expect(await protect(bucket, LOCK_DAYS, { yes: true })).toEqual([
    "new objects are locked for 40 days (GOVERNANCE), not 30 (COMPLIANCE)",
  ]);
  expect(await bucket.protection()).toMatchObject({ lockMode: "COMPLIANCE", lockDays: 40 });
});

test("a refusal by S3 names the attempt, S3's words and what to do", async () => {
  const missing = new VaultBucket(s3, "no-such-vault");
  await expect(inspect(missing, "home/", 0, LOCK_DAYS)).rejects.toThrow(
    /^can't read the versioning of no-such-vault\n {2}S3 says NoSuchBucket: .*\n {2}→ check that the account and the stack are right$/,
  );
});
