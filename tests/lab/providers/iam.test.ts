import {
  AttachRolePolicyCommand,
  CreatePolicyVersionCommand,
  DetachRolePolicyCommand,
  IAMClient,
  ListPolicyVersionsCommand,
  PutRolePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import { beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../../../lab/providers/aws/plugin.js";
import { awsPlugin, sdk, useEmulator } from "../support/emulator.js";
import { live, Resource } from "../support/resource.js";

const ROLE = "aws:iam/role:Role";
const POLICY = "aws:iam/policy:Policy";
const ACCOUNT = "arn:aws:iam::111122223333";
const AUDIT = "arn:aws:iam::aws:policy/SecurityAudit";

useEmulator();
let aws: AwsPlugin;
let iam: IAMClient;
beforeAll(async () => {
  aws = await awsPlugin();
  iam = sdk(IAMClient);
});

const trust = (service: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });
const allow = (action: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: action, Resource: "*" }],
  });
const roleNamed = (name: string, more: object = {}) =>
  new Resource(aws, ROLE, name).create({ name, assumeRolePolicy: trust("ec2.amazonaws.com"), ...more });
const policyNamed = (name: string) =>
  new Resource(aws, POLICY, name).create({ name, policy: allow("s3:GetObject") });

describe("role", () => {
  test("lives", async () => {
    const boundary = await policyNamed("boundary");
    await live(aws, {
      type: ROLE,
      inputs: {
        name: "database",
        description: "Database nodes",
        assumeRolePolicy: trust("ec2.amazonaws.com"),
        permissionsBoundary: boundary.outputs.arn,
        maxSessionDuration: 7200,
        tags: { owner: "sre" },
      },
      change: {
        description: "All database nodes",
        assumeRolePolicy: trust("lambda.amazonaws.com"),
        maxSessionDuration: 3600,
        tags: { owner: "dba" },
      },
      replace: { name: "other", path: "/other/" },
      outputs: { arn: `${ACCOUNT}:role/database`, uniqueId: expect.stringMatching(/^AROA/) },
      tamper: () =>
        iam.send(
          new UpdateRoleCommand({ RoleName: "database", Description: "Mine", MaxSessionDuration: 43200 }),
        ),
      drifted: ["description", "maxSessionDuration"],
    });
  });

  test("loses its boundary when the program drops it", async () => {
    const boundary = await policyNamed("second-boundary");
    const role = await roleNamed("bounded", { permissionsBoundary: boundary.outputs.arn });
    await role.update({ name: "bounded", assumeRolePolicy: trust("ec2.amazonaws.com") });
    expect(await role.drift()).toEqual([]);
    expect(role.outputs.permissionsBoundary).toBeUndefined();
  });

  test("a boundary that doesn't exist is refused", () =>
    expect(roleNamed("unbounded", { permissionsBoundary: `${ACCOUNT}:policy/nowhere` })).rejects.toThrow(
      /does not exist/,
    ));

  test("is not deleted while policies hang on it, unless forced", async () => {
    const role = await roleNamed("hung");
    await iam.send(new AttachRolePolicyCommand({ RoleName: "hung", PolicyArn: AUDIT }));
    await expect(role.delete()).rejects.toThrow(/detach/i);
    await role.update({ ...role.inputs, forceDetachPolicies: true });
    await role.delete();
    expect(await role.drift()).toBeUndefined();
  });

  test("refuses policies that it would ignore", () =>
    expect(roleNamed("inline", { managedPolicyArns: [AUDIT] })).rejects.toThrow(
      /managedPolicyArns set on the role itself/,
    ));
});

describe("policies", () => {
  test("a managed policy lives", () =>
    live(aws, {
      type: POLICY,
      inputs: {
        name: "reader",
        description: "Reads",
        policy: allow("s3:GetObject"),
        tags: { owner: "sre" },
      },
      change: { policy: allow("s3:ListBucket"), tags: { owner: "dba" } },
      replace: { name: "other", path: "/other/", description: "Writes" },
      outputs: { arn: `${ACCOUNT}:policy/reader`, policyId: expect.stringMatching(/^ANPA/) },
      tamper: ({ id }) =>
        iam.send(
          new CreatePolicyVersionCommand({
            PolicyArn: id,
            PolicyDocument: allow("*"),
            SetAsDefault: true,
          }),
        ),
      drifted: ["policy"],
    }));

  test("a sixth version of a managed policy drops the oldest", async () => {
    const policy = await policyNamed("changing");
    for (let i = 2; i <= 7; i++) await policy.update({ name: "changing", policy: allow(`s3:Action${i}`) });
    const { Versions } = await iam.send(new ListPolicyVersionsCommand({ PolicyArn: policy.id }));
    expect(Versions?.map(({ VersionId }) => VersionId).sort()).toEqual(["v3", "v4", "v5", "v6", "v7"]);
    expect(await policy.drift()).toEqual([]);
  });

  test("a role's own policy lives", async () => {
    await roleNamed("owner");
    await live(aws, {
      type: "aws:iam/rolePolicy:RolePolicy",
      inputs: { role: "owner", name: "reads", policy: allow("s3:GetObject") },
      change: { policy: allow("s3:ListBucket") },
      replace: { role: "other", name: "other" },
      tamper: () =>
        iam.send(
          new PutRolePolicyCommand({ RoleName: "owner", PolicyName: "reads", PolicyDocument: allow("*") }),
        ),
      drifted: ["policy"],
      importId: () => "owner:reads",
    });
  });

  test("a role's own policy is given a name that it keeps", async () => {
    await roleNamed("keeper");
    const program = { role: "keeper", policy: allow("s3:GetObject") };
    const policy = await new Resource(aws, "aws:iam/rolePolicy:RolePolicy", "reads").create(program);
    expect(policy.id).toMatch(/^keeper:reads-[0-9a-f]{7}$/);
    expect((await policy.diff(program)).changes).toEqual({});
  });

  test("an attachment lives, and is gone when someone detaches it", async () => {
    await roleNamed("attached");
    const type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
    const inputs = { role: "attached", policyArn: AUDIT };
    await live(aws, {
      type,
      inputs,
      replace: { role: "other", policyArn: `${ACCOUNT}:policy/other` },
      importId: () => `attached/${AUDIT}`,
    });
    const attachment = await new Resource(aws, type).create(inputs);
    await iam.send(new DetachRolePolicyCommand({ RoleName: "attached", PolicyArn: AUDIT }));
    expect(await attachment.drift()).toBeUndefined();
  });
});

test("an instance profile lives", async () => {
  await roleNamed("node");
  await roleNamed("other-node");
  await live(aws, {
    type: "aws:iam/instanceProfile:InstanceProfile",
    inputs: { name: "node", role: "node", tags: { owner: "sre" } },
    change: { role: "other-node", tags: { owner: "dba" } },
    replace: { name: "other" },
    outputs: { arn: `${ACCOUNT}:instance-profile/node`, uniqueId: expect.stringMatching(/^AIPA/) },
    tamper: () =>
      iam.send(
        new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName: "node", RoleName: "other-node" }),
      ),
    drifted: ["role"],
  });
});

test("a profile whose role doesn't exist is known to the engine all the same", async () => {
  const profile = new Resource(aws, "aws:iam/instanceProfile:InstanceProfile");
  await expect(profile.create({ name: "half-made", role: "nobody" })).rejects.toMatchObject({
    id: "half-made",
    cause: { name: "NoSuchEntityException" },
  });
});

test("an identity provider lives", () =>
  live(aws, {
    type: "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    inputs: {
      url: "https://token.actions.githubusercontent.com",
      clientIdLists: ["sts.amazonaws.com"],
      tags: { owner: "sre" },
    },
    change: { clientIdLists: ["sts.amazonaws.com", "other"], tags: { owner: "dba" } },
    replace: { url: "https://other.example.com" },
    outputs: { arn: `${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com` },
  }));
