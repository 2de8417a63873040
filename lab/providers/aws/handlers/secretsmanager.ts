/**
 * Secrets with their replicas, and versions of their values.
 *
 * The emulator doesn't: take a replica away from a secret that stays (this file refuses to); encrypt with the
 * key that is named; leave a new secret without a value (this file takes the empty one away).
 */
import {
  CreateSecretCommand,
  DeleteResourcePolicyCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  type DescribeSecretResponse,
  GetResourcePolicyCommand,
  GetSecretValueCommand,
  PutResourcePolicyCommand,
  PutSecretValueCommand,
  ReplicateSecretToRegionsCommand,
  SecretsManagerClient,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { type Props, same } from "../../values.js";
import type { AwsContext } from "../context.js";
import { documentText } from "./casing.js";
import { discreet, unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { inOrderOf, readBack, tagItems, tagMap, told } from "./read-back.js";
import { tagsFound } from "./tags.js";

const client = (aws: AwsContext) => aws.client(SecretsManagerClient);

const secret: AwsHandler = readBack({
  name: { property: "name", maxLength: 512 },
  replaceOn: ["name", "namePrefix"],
  async make(aws, inputs) {
    const { ARN, VersionId } = await client(aws).send(
      new CreateSecretCommand({
        Name: inputs.name,
        Description: inputs.description,
        KmsKeyId: inputs.kmsKeyId,
        Tags: aws.tagList(inputs),
      }),
    );
    // On AWS a secret has no version before its first value, and an operator's tool tells by that whether it is empty.
    await client(aws).send(
      new UpdateSecretVersionStageCommand({
        SecretId: ARN,
        VersionStage: "AWSCURRENT",
        RemoveFromVersionId: VersionId,
      }),
    );
    return ARN as string;
  },
  async complete(aws, id, inputs) {
    if (inputs.policy) await putPolicy(aws, id, inputs.policy);
    await syncReplicas(aws, id, inputs, {});
  },
  async read(aws, id, known) {
    const found = await describe(aws, id);
    if (!found) return undefined;
    const policy = await unlessGone(client(aws).send(new GetResourcePolicyCommand({ SecretId: id })));
    const replicas = (found.ReplicationStatus ?? []).map(({ Region, KmsKeyId }) =>
      told({ region: Region, kmsKeyId: KmsKeyId }),
    );
    return {
      name: found.Name,
      arn: found.ARN,
      description: found.Description ?? "",
      kmsKeyId: found.KmsKeyId,
      policy: policy?.ResourcePolicy,
      ...(replicas.length > 0 || known.replicas
        ? { replicas: inOrderOf(known.replicas, replicas, ({ region }) => region) }
        : {}),
      ...tagsFound(aws, tagMap(found.Tags), known),
    };
  },
  async update(aws, id, news, olds) {
    await client(aws).send(
      new UpdateSecretCommand({ SecretId: id, Description: news.description ?? "", KmsKeyId: news.kmsKeyId }),
    );
    if (news.policy) await putPolicy(aws, id, news.policy);
    else if (olds.policy) await client(aws).send(new DeleteResourcePolicyCommand({ SecretId: id }));
    await syncReplicas(aws, id, news, olds);
  },
  tagging: {
    put: (aws, SecretId, tags) =>
      client(aws).send(new TagResourceCommand({ SecretId, Tags: tagItems(tags) })),
    drop: (aws, SecretId, TagKeys) => client(aws).send(new UntagResourceCommand({ SecretId, TagKeys })),
  },
  async delete(aws, id, state) {
    const found = await describe(aws, id);
    if (!found) return;
    // The replicas go with it: the provider takes them away first, the emulator by itself.
    const days = state.recoveryWindowInDays ?? 30;
    await client(aws).send(
      new DeleteSecretCommand({
        SecretId: id,
        ...(days === 0 ? { ForceDeleteWithoutRecovery: true } : { RecoveryWindowInDays: days }),
      }),
    );
  },
});

/** Undefined when the secret is gone; one that waits for its deletion is as good as gone. */
async function describe(aws: AwsContext, SecretId: string): Promise<DescribeSecretResponse | undefined> {
  const found = await unlessGone(client(aws).send(new DescribeSecretCommand({ SecretId })));
  return found?.DeletedDate ? undefined : found;
}

const putPolicy = (aws: AwsContext, SecretId: string, policy: unknown) =>
  client(aws).send(new PutResourcePolicyCommand({ SecretId, ResourcePolicy: documentText(policy) }));

async function syncReplicas(aws: AwsContext, id: string, news: Props, olds: Props): Promise<void> {
  const wanted: Props[] = news.replicas ?? [];
  const before: Props[] = olds.replicas ?? [];
  const gone = before.filter((old) => !wanted.some(({ region }) => region === old.region));
  if (gone.length > 0) {
    throw new Error(
      `secret '${news.name}': the replica in ${gone[0]?.region} can't be removed here\n  The emulator has no call for it.\n  → on AWS the provider does it`,
    );
  }
  const added = wanted.filter(
    (replica) => !before.some((old) => old.region === replica.region && same(old.kmsKeyId, replica.kmsKeyId)),
  );
  if (added.length === 0) return;
  await client(aws).send(
    new ReplicateSecretToRegionsCommand({
      SecretId: id,
      AddReplicaRegions: added.map(({ region, kmsKeyId }) => ({ Region: region, KmsKeyId: kmsKeyId })),
      ForceOverwriteReplicaSecret: news.forceOverwriteReplicaSecret,
    }),
  );
}

const version: AwsHandler = readBack({
  name: false,
  replaceOn: ["secretId", "secretString", "secretBinary", "secretStringWoVersion"],
  async make(aws, inputs) {
    const { ARN, VersionId } = await client(aws).send(
      new PutSecretValueCommand({
        SecretId: inputs.secretId,
        SecretString: inputs.secretString ?? inputs.secretStringWo,
        SecretBinary: inputs.secretBinary && Buffer.from(inputs.secretBinary, "base64"),
        VersionStages: inputs.versionStages,
      }),
    );
    return `${ARN}|${VersionId}`;
  },
  async read(aws, id, known) {
    const [SecretId = "", VersionId] = id.split("|");
    const secret = await describe(aws, SecretId);
    if (!secret) return undefined;
    if (known.secretStringWo) {
      // The provider doesn't read a write-only value either.
      return told({
        secretId: known.secretId === secret.Name ? secret.Name : secret.ARN,
        arn: secret.ARN,
        secretArn: secret.ARN,
        versionId: VersionId,
        hasSecretStringWo: true,
        versionStages: inOrderOf(known.versionStages, secret.VersionIdsToStages?.[VersionId as string]),
      });
    }
    const found = await unlessGone(client(aws).send(new GetSecretValueCommand({ SecretId, VersionId })));
    if (!found) return undefined;
    return told({
      // The program may have named the secret by its name.
      secretId: known.secretId === found.Name ? found.Name : found.ARN,
      arn: found.ARN,
      secretArn: found.ARN,
      versionId: found.VersionId,
      secretString: found.SecretString,
      secretBinary: found.SecretBinary && Buffer.from(found.SecretBinary).toString("base64"),
      versionStages: inOrderOf(known.versionStages, found.VersionStages),
    });
  },
  async update(aws, id, news, olds) {
    const [SecretId, VersionId] = id.split("|");
    const wanted: string[] = news.versionStages ?? ["AWSCURRENT"];
    const before: string[] = olds.versionStages ?? [];
    for (const VersionStage of wanted.filter((stage) => !before.includes(stage))) {
      const from = await holderOf(aws, SecretId as string, VersionStage);
      await client(aws).send(
        new UpdateSecretVersionStageCommand({
          SecretId,
          VersionStage,
          MoveToVersionId: VersionId,
          RemoveFromVersionId: from,
        }),
      );
    }
    await unstage(
      aws,
      id,
      before.filter((stage) => !wanted.includes(stage)),
    );
  },
  // The current value stays with its secret: AWS has no call that takes it away.
  delete: (aws, id, state) => unstage(aws, id, state.versionStages ?? []),
});

async function holderOf(aws: AwsContext, SecretId: string, stage: string): Promise<string | undefined> {
  const found = await client(aws).send(new DescribeSecretCommand({ SecretId }));
  return Object.entries(found.VersionIdsToStages ?? {}).find(([, stages]) => stages.includes(stage))?.[0];
}

async function unstage(aws: AwsContext, id: string, stages: string[]): Promise<void> {
  const [SecretId = "", VersionId] = id.split("|");
  if (!(await describe(aws, SecretId))) return;
  for (const VersionStage of stages) {
    if (VersionStage === "AWSCURRENT" || (await holderOf(aws, SecretId, VersionStage)) !== VersionId)
      continue;
    await client(aws).send(
      new UpdateSecretVersionStageCommand({ SecretId, VersionStage, RemoveFromVersionId: VersionId }),
    );
  }
}

export const secretsmanagerHandlers: Record<string, AwsHandler> = {
  "aws:secretsmanager/secret:Secret": secret,
  "aws:secretsmanager/secretVersion:SecretVersion": discreet(
    version,
    "secretString",
    "secretStringWo",
    "secretBinary",
  ),
};
