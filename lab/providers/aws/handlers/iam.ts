/**
 * IAM roles, instance profiles and the identity provider of a pipeline. Policies: `iam-policies.ts`.
 *
 * The emulator doesn't: clear a description; change an identity provider in place (the stand-in recreates it under its ARN).
 */
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  DeleteInstanceProfileCommand,
  DeleteOpenIDConnectProviderCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetInstanceProfileCommand,
  GetOpenIDConnectProviderCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  ListRoleTagsCommand,
  PutRolePermissionsBoundaryCommand,
  RemoveRoleFromInstanceProfileCommand,
  TagInstanceProfileCommand,
  TagRoleCommand,
  UntagInstanceProfileCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { documentText } from "./casing.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { decodeDocument, iamClient, iamTagging } from "./iam-common.js";
import { iamPoliciesHandlers } from "./iam-policies.js";
import { inOrderOf, readBack, tagMap, told } from "./read-back.js";
import { tagsFound } from "./tags.js";

const role: AwsHandler = readBack({
  name: { property: "name", maxLength: 64 },
  replaceOn: ["name", "namePrefix", "path"],
  async make(aws, inputs) {
    const inline = ["inlinePolicies", "managedPolicyArns"].filter((name) => inputs[name] !== undefined);
    if (inline.length > 0) {
      throw new Error(
        `role '${inputs.name}': ${inline.join(", ")} set on the role itself\n  The stand-in makes a role's policies only as separate resources.\n  → use aws.iam.RolePolicy and aws.iam.RolePolicyAttachment`,
      );
    }
    await iamClient(aws).send(
      new CreateRoleCommand({
        RoleName: inputs.name,
        Path: inputs.path,
        Description: inputs.description,
        AssumeRolePolicyDocument: documentText(inputs.assumeRolePolicy),
        MaxSessionDuration: inputs.maxSessionDuration,
        PermissionsBoundary: inputs.permissionsBoundary,
        Tags: aws.tagList(inputs),
      }),
    );
    return inputs.name;
  },
  async read(aws, id, known) {
    const found = await unlessGone(iamClient(aws).send(new GetRoleCommand({ RoleName: id })));
    if (!found?.Role) return undefined;
    const { Role } = found;
    const tags = await iamClient(aws).send(new ListRoleTagsCommand({ RoleName: id }));
    return {
      ...told({
        name: Role.RoleName,
        path: Role.Path,
        arn: Role.Arn,
        uniqueId: Role.RoleId,
        createDate: Role.CreateDate?.toISOString(),
        assumeRolePolicy: decodeDocument(Role.AssumeRolePolicyDocument),
        maxSessionDuration: Role.MaxSessionDuration,
        ...tagsFound(aws, tagMap(tags.Tags), known),
      }),
      description: Role.Description,
      permissionsBoundary: Role.PermissionsBoundary?.PermissionsBoundaryArn,
    };
  },
  async update(aws, id, news, olds) {
    const client = iamClient(aws);
    await client.send(
      new UpdateAssumeRolePolicyCommand({
        RoleName: id,
        PolicyDocument: documentText(news.assumeRolePolicy),
      }),
    );
    await client.send(
      new UpdateRoleCommand({
        RoleName: id,
        Description: news.description ?? "",
        MaxSessionDuration: news.maxSessionDuration ?? 3600,
      }),
    );
    if (news.permissionsBoundary) {
      const PermissionsBoundary = news.permissionsBoundary;
      await client.send(new PutRolePermissionsBoundaryCommand({ RoleName: id, PermissionsBoundary }));
    } else if (olds.permissionsBoundary) {
      await unlessGone(client.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: id })));
    }
  },
  tagging: iamTagging(TagRoleCommand, UntagRoleCommand, "RoleName"),
  async delete(aws, id, state) {
    if (state.forceDetachPolicies) await detachAll(aws, id);
    await unlessGone(iamClient(aws).send(new DeleteRoleCommand({ RoleName: id })));
  },
});

async function detachAll(aws: AwsContext, RoleName: string): Promise<void> {
  const client = iamClient(aws);
  const attached = await unlessGone(client.send(new ListAttachedRolePoliciesCommand({ RoleName })));
  for (const { PolicyArn } of attached?.AttachedPolicies ?? []) {
    await unlessGone(client.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
  }
  const inline = await unlessGone(client.send(new ListRolePoliciesCommand({ RoleName })));
  for (const PolicyName of inline?.PolicyNames ?? []) {
    await unlessGone(client.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
  }
}

const instanceProfile: AwsHandler = readBack({
  name: { property: "name", maxLength: 128 },
  replaceOn: ["name", "namePrefix", "path"],
  async make(aws, inputs) {
    await iamClient(aws).send(
      new CreateInstanceProfileCommand({
        InstanceProfileName: inputs.name,
        Path: inputs.path,
        Tags: aws.tagList(inputs),
      }),
    );
    return inputs.name;
  },
  async complete(aws, id, inputs) {
    if (inputs.role) await addRole(aws, id, inputs.role);
  },
  async read(aws, id, known) {
    const found = await unlessGone(
      iamClient(aws).send(new GetInstanceProfileCommand({ InstanceProfileName: id })),
    );
    if (!found?.InstanceProfile) return undefined;
    const { InstanceProfile } = found;
    return {
      ...told({
        name: InstanceProfile.InstanceProfileName,
        path: InstanceProfile.Path,
        arn: InstanceProfile.Arn,
        uniqueId: InstanceProfile.InstanceProfileId,
        createDate: InstanceProfile.CreateDate?.toISOString(),
        ...tagsFound(aws, tagMap(InstanceProfile.Tags), known),
      }),
      role: InstanceProfile.Roles?.[0]?.RoleName,
    };
  },
  // A profile has one role at most: the old one goes first.
  async update(aws, id, { role: wanted }, olds) {
    if (olds.role && olds.role !== wanted) await removeRole(aws, id, olds.role);
    if (wanted && olds.role !== wanted) await addRole(aws, id, wanted);
  },
  tagging: iamTagging(TagInstanceProfileCommand, UntagInstanceProfileCommand, "InstanceProfileName"),
  async delete(aws, id, state) {
    if (state.role) await removeRole(aws, id, state.role);
    await unlessGone(iamClient(aws).send(new DeleteInstanceProfileCommand({ InstanceProfileName: id })));
  },
});

const addRole = (aws: AwsContext, InstanceProfileName: string, RoleName: string) =>
  iamClient(aws).send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));

const removeRole = (aws: AwsContext, InstanceProfileName: string, RoleName: string) =>
  unlessGone(
    iamClient(aws).send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName })),
  );

const openIdConnectProvider: AwsHandler = readBack({
  name: false,
  replaceOn: ["url"],
  make: makeIssuer,
  async read(aws, id, known) {
    const found = await unlessGone(
      iamClient(aws).send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: id })),
    );
    if (!found) return undefined;
    return told({
      arn: id,
      // AWS answers without the scheme that the request must have, the emulator with it.
      url: `https://${found.Url?.replace(/^https:\/\//, "")}`,
      clientIdLists: inOrderOf(known.clientIdLists, found.ClientIDList),
      thumbprintLists: inOrderOf(known.thumbprintLists, found.ThumbprintList),
      ...tagsFound(aws, tagMap(found.Tags), known),
    });
  },
  // The emulator has no calls that change one: recreated, it has the same ARN.
  async update(aws, id, news) {
    await deleteIssuer(aws, id);
    await makeIssuer(aws, news);
  },
  delete: deleteIssuer,
});

async function makeIssuer(aws: AwsContext, inputs: Props): Promise<string> {
  const { OpenIDConnectProviderArn } = await iamClient(aws).send(
    new CreateOpenIDConnectProviderCommand({
      Url: inputs.url,
      ClientIDList: inputs.clientIdLists,
      ThumbprintList: inputs.thumbprintLists,
      Tags: aws.tagList(inputs),
    }),
  );
  return OpenIDConnectProviderArn as string;
}

function deleteIssuer(aws: AwsContext, OpenIDConnectProviderArn: string): Promise<unknown> {
  return unlessGone(
    iamClient(aws).send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })),
  );
}

export const iamHandlers: Record<string, AwsHandler> = {
  "aws:iam/instanceProfile:InstanceProfile": instanceProfile,
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": openIdConnectProvider,
  "aws:iam/role:Role": role,
  ...iamPoliciesHandlers,
};
