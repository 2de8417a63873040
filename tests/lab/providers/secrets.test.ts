import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
} from "@aws-sdk/client-secrets-manager";
import {
  DeleteParameterCommand,
  GetParameterCommand,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { beforeAll, describe, expect, test } from "vitest";
import { discreet } from "../../../lab/providers/aws/handlers/errors.js";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import { awsPlugin, HOME, RECOVERY, sdk, useEmulator } from "../support/emulator.js";
import { live, Resource } from "../support/resource.js";

const PARAMETER = "aws:ssm/parameter:Parameter";
const SECRET = "aws:secretsmanager/secret:Secret";
const VERSION = "aws:secretsmanager/secretVersion:SecretVersion";
const keyIn = (region: string) => `arn:aws:kms:${region}:111122223333:key/mrk-1`;

useEmulator();
let home: AwsPlugin;
let recovery: AwsPlugin;
beforeAll(async () => {
  home = await awsPlugin(HOME);
  recovery = await awsPlugin(RECOVERY);
});

describe("SSM parameter", () => {
  const overwritten = (value: string) =>
    sdk(SSMClient).send(
      new PutParameterCommand({ Name: "/dr/handoff", Type: "String", Value: value, Overwrite: true }),
    );

  test("lives", () =>
    live(home, {
      type: PARAMETER,
      inputs: {
        name: "/dr/handoff",
        type: "String",
        value: '{"zone":"Z1"}',
        description: "Handed over",
        tags: { owner: "sre" },
      },
      change: { value: '{"zone":"Z2"}', description: "Handed over again", tags: { owner: "dba" } },
      replace: { name: "/dr/other" },
      outputs: { arn: "arn:aws:ssm:eu-west-1:111122223333:parameter/dr/handoff", version: 1 },
      tamper: () => overwritten('{"zone":"ZX"}'),
      drifted: ["value"],
    }));

  test("as a SecureString is read decrypted", () =>
    live(home, {
      type: PARAMETER,
      inputs: { name: "/dr/secret", type: "SecureString", value: "hunter2", keyId: "alias/data" },
      change: { value: "hunter3" },
    }));

  test("is one per region, and never taken over unasked", async () => {
    const inputs = { name: "/dr/both", type: "String", value: "1" };
    const parameter = await new Resource(home, PARAMETER).create(inputs);
    await new Resource(recovery, PARAMETER).create({ ...inputs, value: "2" });
    expect(await parameter.drift()).toEqual([]);
    await expect(new Resource(home, PARAMETER).create(inputs)).rejects.toThrow(/already exists/);
    await new Resource(home, PARAMETER).create({ ...inputs, value: "3", overwrite: true });
    expect(await parameter.drift()).toEqual(["value"]);
  });

  test("has a version that its preview doesn't know, and one more after each update", async () => {
    const parameter = await new Resource(home, PARAMETER).create({ name: "/v", type: "String", value: "1" });
    await parameter.update({ name: "/v", type: "String", value: "2" });
    expect(parameter.outputs.version).toBe(2);
    await sdk(SSMClient).send(new DeleteParameterCommand({ Name: "/v" }));
    expect(await parameter.drift()).toBeUndefined();
    await expect(sdk(SSMClient).send(new GetParameterCommand({ Name: "/v" }))).rejects.toThrow();
  });
});

describe("secret", () => {
  const policy = (action: string) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Deny", Principal: "*", Action: action, Resource: "*" }],
    });
  const replicated = (name: string) => ({
    name,
    description: "The superuser",
    kmsKeyId: keyIn(HOME),
    recoveryWindowInDays: 30,
    replicas: [{ region: RECOVERY, kmsKeyId: keyIn(RECOVERY) }],
  });

  test("lives", () =>
    live(home, {
      type: SECRET,
      inputs: { ...replicated("dr/superuser"), policy: policy("*"), tags: { owner: "sre" } },
      change: {
        description: "A superuser",
        replicas: [
          { region: RECOVERY, kmsKeyId: `${keyIn(RECOVERY)}2` },
          { region: "eu-central-1", kmsKeyId: keyIn("eu-central-1") },
        ],
        policy: policy("secretsmanager:DeleteSecret"),
        tags: { owner: "dba" },
      },
      replace: { name: "dr/other" },
      outputs: {
        arn: expect.stringMatching(
          /^arn:aws:secretsmanager:eu-west-1:111122223333:secret:dr\/superuser-\w{6}$/,
        ),
      },
      tamper: ({ id }) =>
        sdk(SecretsManagerClient).send(
          new UpdateSecretCommand({ SecretId: id, Description: "Mine", KmsKeyId: "alias/mine" }),
        ),
      drifted: ["description", "kmsKeyId"],
      notImported: ["recoveryWindowInDays"],
    }));

  test("value is in both regions", async () => {
    const secret = await new Resource(home, SECRET).create(replicated("dr/both"));
    await new Resource(home, VERSION).create({ secretId: secret.id, secretString: "hunter2" });
    for (const region of [HOME, RECOVERY]) {
      const found = await sdk(SecretsManagerClient, region).send(
        new GetSecretValueCommand({ SecretId: "dr/both" }),
      );
      expect(found.SecretString).toBe("hunter2");
    }
    await expect(secret.update({ ...replicated("dr/both"), replicas: [] })).rejects.toThrow(
      /replica in eu-west-2 can't be removed here/,
    );
  });

  test("has no value before its first one, in neither region", async () => {
    await new Resource(home, SECRET).create(replicated("dr/empty"));
    for (const region of [HOME, RECOVERY]) {
      await expect(
        sdk(SecretsManagerClient, region).send(new GetSecretValueCommand({ SecretId: "dr/empty" })),
      ).rejects.toThrow(/can't find the specified secret value for staging label: AWSCURRENT/);
    }
  });

  test("waits for its deletion, unless told otherwise", async () => {
    const secret = await new Resource(home, SECRET).create(replicated("dr/waiting"));
    await secret.delete();
    expect(await secret.drift()).toBeUndefined();
    const found = await sdk(SecretsManagerClient).send(new DescribeSecretCommand({ SecretId: secret.id }));
    expect(found.DeletedDate).toBeInstanceOf(Date);

    const quick = await new Resource(home, SECRET).create({ name: "dr/quick", recoveryWindowInDays: 0 });
    await quick.delete();
    await expect(
      sdk(SecretsManagerClient).send(new DescribeSecretCommand({ SecretId: quick.id })),
    ).rejects.toThrow(/can't find/);
  });

  test("version lives, and its value replaces it", async () => {
    const secret = await new Resource(home, SECRET).create({ name: "dr/versions" });
    await live(home, {
      type: VERSION,
      inputs: { secretId: secret.id, secretString: '{"username":"u","password":"hunter2"}' },
      replace: { secretString: "other", secretId: "other" },
      outputs: { secretArn: secret.id, versionId: expect.any(String) },
      tamper: () =>
        sdk(SecretsManagerClient).send(
          new PutSecretValueCommand({ SecretId: secret.id, SecretString: "mine" }),
        ),
      // As with the real provider: a version is what it was, another one is current.
      drifted: [],
      staysReadable: true,
    });
  });

  test("version that is no longer current shows in its stages", async () => {
    const secret = await new Resource(home, SECRET).create({ name: "dr/stages" });
    const version = await new Resource(home, VERSION).create({
      secretId: secret.id,
      secretString: "hunter2",
      versionStages: ["AWSCURRENT"],
    });
    await sdk(SecretsManagerClient).send(
      new PutSecretValueCommand({ SecretId: secret.id, SecretString: "mine" }),
    );
    expect(await version.drift()).toEqual(["versionStages"]);
    await version.update(version.inputs);
    expect(await version.drift()).toEqual([]);
    const current = await sdk(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId: secret.id }));
    expect(current.SecretString).toBe("hunter2");
  });
});

test("errors don't tell secrets, in whatever spelling", async () => {
  const value = '{"password":"hun\\"ter2"}';
  const handler = discreet(
    {
      async create() {
        throw new Error(`can't store ${value}, i.e. ${JSON.stringify(value)}, of which hun"ter2 is refused`);
      },
    },
    "secretString",
  );
  const error = await handler.create(undefined as never, { secretString: value }, undefined as never).then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error?.message).toContain("can't store [secret]");
  expect(`${error?.message} ${error?.stack}`).not.toMatch(/ter2/);
});
