/** IAM policies: managed ones, those of one role, and which role has which. */
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListPolicyTagsCommand,
  ListPolicyVersionsCommand,
  PutRolePolicyCommand,
  TagPolicyCommand,
  UntagPolicyCommand,
} from "@aws-sdk/client-iam";
import type { AwsContext } from "../context.js";
import { documentText } from "./casing.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { decodeDocument, iamClient, iamTagging } from "./iam-common.js";
import { readBack, tagMap, told } from "./read-back.js";
import { tagsFound } from "./tags.js";

const policy: AwsHandler = readBack({
  name: { property: "name", maxLength: 128 },
  replaceOn: ["name", "namePrefix", "path", "description"],
  async make(aws, inputs) {
    const { Policy } = await iamClient(aws).send(
      new CreatePolicyCommand({
        PolicyName: inputs.name,
        Path: inputs.path,
        Description: inputs.description,
        PolicyDocument: documentText(inputs.policy),
        Tags: aws.tagList(inputs),
      }),
    );
    return Policy?.Arn as string;
  },
  async read(aws, id, known) {
    const client = iamClient(aws);
    const found = await unlessGone(client.send(new GetPolicyCommand({ PolicyArn: id })));
    if (!found?.Policy) return undefined;
    const { Policy } = found;
    const VersionId = Policy.DefaultVersionId;
    const [version, tags] = await Promise.all([
      client.send(new GetPolicyVersionCommand({ PolicyArn: id, VersionId })),
      client.send(new ListPolicyTagsCommand({ PolicyArn: id })),
    ]);
    return told({
      name: Policy.PolicyName,
      path: Policy.Path,
      description: Policy.Description,
      arn: Policy.Arn,
      policyId: Policy.PolicyId,
      attachmentCount: Policy.AttachmentCount,
      policy: decodeDocument(version.PolicyVersion?.Document),
      ...tagsFound(aws, tagMap(tags.Tags), known),
    });
  },
  async update(aws, id, news) {
    await makeRoomForVersion(aws, id);
    await iamClient(aws).send(
      new CreatePolicyVersionCommand({
        PolicyArn: id,
        PolicyDocument: documentText(news.policy),
        SetAsDefault: true,
      }),
    );
  },
  tagging: iamTagging(TagPolicyCommand, UntagPolicyCommand, "PolicyArn"),
  async delete(aws, id) {
    for (const VersionId of await spareVersions(aws, id)) {
      await iamClient(aws).send(new DeletePolicyVersionCommand({ PolicyArn: id, VersionId }));
    }
    await unlessGone(iamClient(aws).send(new DeletePolicyCommand({ PolicyArn: id })));
  },
});

/** A managed policy has five versions at most; the oldest goes. */
async function makeRoomForVersion(aws: AwsContext, PolicyArn: string): Promise<void> {
  const spare = await spareVersions(aws, PolicyArn);
  if (spare.length < 4) return;
  await iamClient(aws).send(new DeletePolicyVersionCommand({ PolicyArn, VersionId: spare[0] }));
}

/** Versions that aren't the default, oldest first. */
async function spareVersions(aws: AwsContext, PolicyArn: string): Promise<string[]> {
  const found = await unlessGone(iamClient(aws).send(new ListPolicyVersionsCommand({ PolicyArn })));
  return (found?.Versions ?? [])
    .filter(({ IsDefaultVersion }) => !IsDefaultVersion)
    .map(({ VersionId }) => VersionId as string)
    .sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
}

const rolePolicy: AwsHandler = readBack({
  name: { property: "name", maxLength: 128 },
  replaceOn: ["name", "namePrefix", "role"],
  async make(aws, inputs) {
    await putRolePolicy(aws, inputs.role, inputs.name, inputs.policy);
    return `${inputs.role}:${inputs.name}`;
  },
  async read(aws, id) {
    const [RoleName, PolicyName] = id.split(":");
    const found = await unlessGone(iamClient(aws).send(new GetRolePolicyCommand({ RoleName, PolicyName })));
    return found && { role: RoleName, name: PolicyName, policy: decodeDocument(found.PolicyDocument) };
  },
  update: (aws, _id, news) => putRolePolicy(aws, news.role, news.name, news.policy),
  delete(aws, id) {
    const [RoleName, PolicyName] = id.split(":");
    return unlessGone(iamClient(aws).send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
  },
});

const putRolePolicy = (aws: AwsContext, RoleName: string, PolicyName: string, document: unknown) =>
  iamClient(aws).send(
    new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: documentText(document) }),
  );

const rolePolicyAttachment: AwsHandler = readBack({
  name: false,
  replaceOn: ["role", "policyArn"],
  async make(aws, { role, policyArn }) {
    await iamClient(aws).send(new AttachRolePolicyCommand({ RoleName: role, PolicyArn: policyArn }));
    return `${role}/${policyArn}`;
  },
  async read(aws, id) {
    const [role, policyArn] = splitAttachment(id);
    const found = await unlessGone(
      iamClient(aws).send(new ListAttachedRolePoliciesCommand({ RoleName: role })),
    );
    const attached = found?.AttachedPolicies?.some(({ PolicyArn }) => PolicyArn === policyArn);
    return attached ? { role, policyArn } : undefined;
  },
  delete(aws, id) {
    const [RoleName, PolicyArn] = splitAttachment(id);
    return unlessGone(iamClient(aws).send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
  },
});

/** `role/policy-arn`; the ARN itself has slashes. */
function splitAttachment(id: string): [string, string] {
  const slash = id.indexOf("/");
  return [id.slice(0, slash), id.slice(slash + 1)];
}

export const iamPoliciesHandlers: Record<string, AwsHandler> = {
  "aws:iam/policy:Policy": policy,
  "aws:iam/rolePolicy:RolePolicy": rolePolicy,
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": rolePolicyAttachment,
};
