import {
  DecryptCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EncryptCommand,
  KMSClient,
  PutKeyPolicyCommand,
  TagResourceCommand,
  UpdateAliasCommand,
} from "@aws-sdk/client-kms";
import { beforeAll, expect, test } from "vitest";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import { awsPlugin, HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";
import { live, Resource } from "../support/resource.js";

const KEY = "aws:kms/key:Key";
const REPLICA = "aws:kms/replicaKey:ReplicaKey";
const ALIAS = "aws:kms/alias:Alias";

useEmulator();
let home: AwsPlugin;
let recovery: AwsPlugin;
beforeAll(async () => {
  home = await awsPlugin(HOME);
  recovery = await awsPlugin(RECOVERY);
});

const policy = (action: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::111122223333:root" },
        Action: action,
        Resource: "*",
      },
    ],
  });
const multiRegion = (name: string) =>
  new Resource(home, KEY, name).create({ description: name, multiRegion: true, policy: policy("kms:*") });

test("a key lives", () =>
  live(home, {
    type: KEY,
    inputs: {
      description: "data",
      enableKeyRotation: true,
      rotationPeriodInDays: 365,
      deletionWindowInDays: 30,
      policy: policy("kms:*"),
      tags: { purpose: "data", old: "1" },
    },
    change: { description: "more data", rotationPeriodInDays: 180, tags: { purpose: "backups" } },
    replace: { multiRegion: true, keyUsage: "SIGN_VERIFY" },
    outputs: {
      arn: expect.stringMatching(/^arn:aws:kms:eu-west-1:111122223333:key\/[0-9a-f-]{36}$/),
      keyId: expect.any(String),
    },
    tamper: async ({ id }) => {
      const kms = sdk(KMSClient);
      await kms.send(new DisableKeyRotationCommand({ KeyId: id }));
      await kms.send(
        new PutKeyPolicyCommand({ KeyId: id, PolicyName: "default", Policy: policy("kms:Decrypt") }),
      );
      await kms.send(new TagResourceCommand({ KeyId: id, Tags: [{ TagKey: "purpose", TagValue: "theft" }] }));
    },
    drifted: ["enableKeyRotation", "policy", "rotationPeriodInDays", "tags"],
    notImported: ["deletionWindowInDays"],
  }));

test("a key that was disabled by hand is enabled again", () =>
  live(home, {
    type: KEY,
    inputs: { description: "data", isEnabled: true },
    tamper: ({ id }) => sdk(KMSClient).send(new DisableKeyCommand({ KeyId: id })),
    drifted: ["isEnabled"],
  }));

test("a replica lives, and decrypts what the primary encrypted", async () => {
  const primary = await multiRegion("primary");
  expect(primary.id).toMatch(/^mrk-/);
  const secret = await sdk(KMSClient).send(
    new EncryptCommand({ KeyId: primary.id, Plaintext: Buffer.from("secret") }),
  );
  await live(recovery, {
    type: REPLICA,
    inputs: { primaryKeyArn: primary.outputs.arn, description: "replica", policy: policy("kms:*") },
    change: { description: "the replica", policy: policy("kms:Decrypt") },
    replace: { primaryKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/mrk-other" },
    outputs: { arn: `arn:aws:kms:eu-west-2:111122223333:key/${primary.id}`, keyId: primary.id },
    tamper: async ({ id }) => {
      const kms = sdk(KMSClient, RECOVERY);
      const { Plaintext } = await kms.send(
        new DecryptCommand({ KeyId: id, CiphertextBlob: secret.CiphertextBlob }),
      );
      expect(Buffer.from(Plaintext as Uint8Array).toString()).toBe("secret");
      await kms.send(new PutKeyPolicyCommand({ KeyId: id, PolicyName: "default", Policy: policy("kms:*") }));
    },
    drifted: ["policy"],
  });
  expect(await primary.drift()).toEqual([]);
});

test("a replica of a key that isn't multi-Region is refused", async () => {
  const single = await new Resource(home, KEY).create({});
  await expect(new Resource(recovery, REPLICA).create({ primaryKeyArn: single.outputs.arn })).rejects.toThrow(
    /is not a multi-Region key/,
  );
});

test("an alias lives, and follows its key", async () => {
  const [one, other] = [await multiRegion("one"), await multiRegion("other")];
  await live(home, {
    type: ALIAS,
    inputs: { name: "alias/data", targetKeyId: one.id },
    change: { targetKeyId: other.id },
    replace: { name: "alias/other" },
    outputs: {
      arn: "arn:aws:kms:eu-west-1:111122223333:alias/data",
      targetKeyArn: one.outputs.arn,
    },
    tamper: () =>
      sdk(KMSClient).send(new UpdateAliasCommand({ AliasName: "alias/data", TargetKeyId: one.id })),
    drifted: ["targetKeyId"],
  });
});

test("an alias without a name is given one, and its region is its own", async () => {
  const key = await multiRegion("named");
  const alias = await new Resource(home, ALIAS, "audit").create({ targetKeyId: key.outputs.arn });
  expect(alias.id).toMatch(/^alias\/audit-[0-9a-f]{7}$/);
  expect(await alias.drift()).toEqual([]);
  expect(await new Resource(recovery, ALIAS).importDrift(alias.id)).toBeUndefined();
});
