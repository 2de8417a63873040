/**
 * KMS keys, replicas of multi-Region keys, and aliases.
 *
 * The emulator doesn't: rotate key material; evaluate grants; keep a key for its deletion window (it is
 * gone at once, and so is the window, which an import therefore can't show).
 */
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  type KeyMetadata,
  KMSClient,
  ListAliasesCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
} from "@aws-sdk/client-kms";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { documentText } from "./casing.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { readBack, type Tagging, told } from "./read-back.js";
import { tagsFound } from "./tags.js";

const kmsTags = (tags: Readonly<Record<string, string>>) =>
  Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));

const tagging: Tagging = {
  put: (aws, KeyId, tags) =>
    aws.client(KMSClient).send(new TagResourceCommand({ KeyId, Tags: kmsTags(tags) })),
  drop: (aws, KeyId, TagKeys) => aws.client(KMSClient).send(new UntagResourceCommand({ KeyId, TagKeys })),
};

/** Undefined when the key is gone; one that waits for its deletion is as good as gone. */
export async function describeKey(aws: AwsContext, KeyId: string): Promise<KeyMetadata | undefined> {
  const found = await unlessGone(aws.client(KMSClient).send(new DescribeKeyCommand({ KeyId })));
  return found?.KeyMetadata?.KeyState?.startsWith("Pending") ? undefined : found?.KeyMetadata;
}

/** What primary and replica have in common. */
async function readCommon(aws: AwsContext, KeyId: string, metadata: KeyMetadata, known: Props) {
  const client = aws.client(KMSClient);
  const [policy, tags, rotation] = await Promise.all([
    client.send(new GetKeyPolicyCommand({ KeyId, PolicyName: "default" })),
    client.send(new ListResourceTagsCommand({ KeyId })),
    client.send(new GetKeyRotationStatusCommand({ KeyId })),
  ]);
  const tagsAll = Object.fromEntries((tags.Tags ?? []).map(({ TagKey, TagValue }) => [TagKey, TagValue]));
  return {
    rotation,
    common: {
      keyId: metadata.KeyId,
      arn: metadata.Arn,
      keyUsage: metadata.KeyUsage,
      description: metadata.Description,
      policy: policy.Policy,
      ...tagsFound(aws, tagsAll as Record<string, string>, known),
    },
  };
}

/** What a key and a replica of one are created with. */
const commonArgs = (aws: AwsContext, inputs: Props) => ({
  Description: inputs.description,
  Policy: inputs.policy && documentText(inputs.policy),
  Tags: kmsTags(aws.allTags(inputs)),
});

const key: AwsHandler = readBack({
  name: false,
  replaceOn: ["customerMasterKeySpec", "customKeyStoreId", "keyUsage", "multiRegion", "xksKeyId"],
  async make(aws, inputs) {
    const { KeyMetadata } = await aws.client(KMSClient).send(
      new CreateKeyCommand({
        ...commonArgs(aws, inputs),
        KeySpec: inputs.customerMasterKeySpec,
        KeyUsage: inputs.keyUsage,
        MultiRegion: inputs.multiRegion,
      }),
    );
    return KeyMetadata?.KeyId as string;
  },
  async complete(aws, id, inputs) {
    if (inputs.enableKeyRotation) await rotate(aws, id, inputs);
    if (inputs.isEnabled === false) await enable(aws, id, false);
  },
  async read(aws, id, known) {
    const metadata = await describeKey(aws, id);
    if (!metadata) return undefined;
    const { common, rotation } = await readCommon(aws, id, metadata, known);
    return told({
      ...common,
      customerMasterKeySpec: metadata.KeySpec,
      multiRegion: metadata.MultiRegion ?? false,
      isEnabled: metadata.Enabled,
      enableKeyRotation: rotation.KeyRotationEnabled ?? false,
      rotationPeriodInDays: rotation.KeyRotationEnabled ? rotation.RotationPeriodInDays : undefined,
    });
  },
  async update(aws, id, news, olds) {
    // A disabled key can't be changed otherwise: enable first, disable last.
    if (news.isEnabled !== false && olds.isEnabled === false) await enable(aws, id, true);
    await describeAndPolice(aws, id, news);
    await rotate(aws, id, news);
    if (news.isEnabled === false) await enable(aws, id, false);
  },
  tagging,
  delete: (aws, id, state) => scheduleDeletion(aws, id, state),
});

const replica: AwsHandler = readBack({
  name: false,
  replaceOn: ["primaryKeyArn"],
  async make(aws, inputs) {
    // Only the primary's region can replicate a key.
    const [, , , primaryRegion] = inputs.primaryKeyArn.split(":");
    const { ReplicaKeyMetadata } = await aws.client(KMSClient, primaryRegion).send(
      new ReplicateKeyCommand({
        KeyId: inputs.primaryKeyArn,
        ReplicaRegion: aws.region,
        ...commonArgs(aws, inputs),
      }),
    );
    return ReplicaKeyMetadata?.KeyId as string;
  },
  async complete(aws, id, inputs) {
    if (inputs.enabled === false) await enable(aws, id, false);
  },
  async read(aws, id, known) {
    const metadata = await describeKey(aws, id);
    if (!metadata) return undefined;
    const { common, rotation } = await readCommon(aws, id, metadata, known);
    return told({
      ...common,
      keySpec: metadata.KeySpec,
      enabled: metadata.Enabled,
      keyRotationEnabled: rotation.KeyRotationEnabled ?? false,
      primaryKeyArn: metadata.MultiRegionConfiguration?.PrimaryKey?.Arn,
    });
  },
  async update(aws, id, news, olds) {
    if (news.enabled !== false && olds.enabled === false) await enable(aws, id, true);
    await describeAndPolice(aws, id, news);
    if (news.enabled === false) await enable(aws, id, false);
  },
  tagging,
  delete: (aws, id, state) => scheduleDeletion(aws, id, state),
});

const enable = (aws: AwsContext, KeyId: string, enabled: boolean): Promise<unknown> =>
  aws.client(KMSClient).send(enabled ? new EnableKeyCommand({ KeyId }) : new DisableKeyCommand({ KeyId }));

const rotate = (aws: AwsContext, KeyId: string, inputs: Props): Promise<unknown> =>
  aws
    .client(KMSClient)
    .send(
      inputs.enableKeyRotation
        ? new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: inputs.rotationPeriodInDays })
        : new DisableKeyRotationCommand({ KeyId }),
    );

async function describeAndPolice(aws: AwsContext, KeyId: string, inputs: Props): Promise<void> {
  const client = aws.client(KMSClient);
  await client.send(new UpdateKeyDescriptionCommand({ KeyId, Description: inputs.description ?? "" }));
  if (inputs.policy) {
    await client.send(
      new PutKeyPolicyCommand({ KeyId, PolicyName: "default", Policy: documentText(inputs.policy) }),
    );
  }
}

async function scheduleDeletion(aws: AwsContext, KeyId: string, state: Props): Promise<void> {
  if (!(await describeKey(aws, KeyId))) return;
  await aws
    .client(KMSClient)
    .send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: state.deletionWindowInDays }));
}

const alias: AwsHandler = readBack({
  name: { property: "name", prefix: "alias/", maxLength: 256 },
  replaceOn: ["name", "namePrefix"],
  async make(aws, { name, targetKeyId }) {
    await aws
      .client(KMSClient)
      .send(new CreateAliasCommand({ AliasName: name, TargetKeyId: keyIdOf(targetKeyId) }));
    return name;
  },
  async read(aws, id, known) {
    const { Aliases } = await aws.client(KMSClient).send(new ListAliasesCommand({}));
    const found = Aliases?.find(({ AliasName }) => AliasName === id);
    if (!found) return undefined;
    const targetKeyArn = aws.arn("kms", `key/${found.TargetKeyId}`);
    return {
      name: id,
      arn: found.AliasArn,
      // The user may have named the key by its ARN.
      targetKeyId: known.targetKeyId === targetKeyArn ? targetKeyArn : found.TargetKeyId,
      targetKeyArn,
    };
  },
  update: (aws, id, { targetKeyId }) =>
    aws.client(KMSClient).send(new UpdateAliasCommand({ AliasName: id, TargetKeyId: keyIdOf(targetKeyId) })),
  delete: (aws, id) => unlessGone(aws.client(KMSClient).send(new DeleteAliasCommand({ AliasName: id }))),
});

const keyIdOf = (idOrArn: string): string => idOrArn.split("/").at(-1) as string;

export const kmsHandlers: Record<string, AwsHandler> = {
  "aws:kms/alias:Alias": alias,
  "aws:kms/key:Key": key,
  "aws:kms/replicaKey:ReplicaKey": replica,
};
