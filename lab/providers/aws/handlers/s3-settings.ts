/**
 * Settings of a bucket, each a separate resource whose id is the bucket's name.
 *
 * The emulator doesn't: refuse to suspend the versioning of a locked bucket (this file does).
 */
import {
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketOwnershipControlsCommand,
  DeleteBucketPolicyCommand,
  DeleteBucketReplicationCommand,
  DeletePublicAccessBlockCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketReplicationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketReplicationCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { Props } from "../../values.js";
import { documentText, fromAws, toAws } from "./casing.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { tagItems, tagMap } from "./read-back.js";

interface Setting {
  put(client: S3Client, Bucket: string, inputs: Props): Promise<unknown>;
  /** Undefined when it isn't set, or the bucket is gone. */
  get(client: S3Client, Bucket: string): Promise<Props | undefined>;
  /** What the provider does to a setting that is deleted. */
  unset(client: S3Client, Bucket: string, state: Props): Promise<unknown>;
}

/** All settings are put as a whole, so that create and update are the same. */
const setting = ({ put, get, unset }: Setting): AwsHandler => ({
  replaceOn: ["bucket", "expectedBucketOwner"],
  async create(aws, inputs) {
    await put(aws.client(S3Client), inputs.bucket, inputs);
    return { id: inputs.bucket };
  },
  async read(aws, id) {
    const found = await unlessGone(get(aws.client(S3Client), id));
    return found && { bucket: id, ...found };
  },
  async update(aws, id, news) {
    await put(aws.client(S3Client), id, news);
    return undefined;
  },
  async delete(aws, id, state) {
    await unlessGone(unset(aws.client(S3Client), id, state));
  },
});

const versioning = setting({
  async put(client, Bucket, { versioningConfiguration, mfa }) {
    if (versioningConfiguration.status === "Suspended" && (await isLocked(client, Bucket))) {
      throw new Error(
        `InvalidBucketState: bucket '${Bucket}' has Object Lock, so its versioning can't be suspended`,
      );
    }
    // "Disabled" is the provider's word for a bucket whose versioning was never set.
    if (versioningConfiguration.status === "Disabled") return;
    const VersioningConfiguration = toAws(versioningConfiguration, { mfaDelete: "MFADelete" });
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration, MFA: mfa }));
  },
  async get(client, Bucket) {
    const { Status = "Disabled", MFADelete } = await client.send(new GetBucketVersioningCommand({ Bucket }));
    return { versioningConfiguration: fromAws({ Status, MfaDelete: MFADelete }) };
  },
  async unset(client, Bucket, state) {
    if (state.versioningConfiguration?.status !== "Enabled" || (await isLocked(client, Bucket))) return;
    await client.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Suspended" } }),
    );
  },
});

const isLocked = async (client: S3Client, Bucket: string): Promise<boolean> =>
  (await unlessGone(client.send(new GetObjectLockConfigurationCommand({ Bucket }))))?.ObjectLockConfiguration
    ?.ObjectLockEnabled === "Enabled";

const objectLock = setting({
  put: (client, Bucket, { objectLockEnabled = "Enabled", rule }) =>
    client.send(
      new PutObjectLockConfigurationCommand({
        Bucket,
        ObjectLockConfiguration: toAws({ objectLockEnabled, rule }),
      }),
    ),
  async get(client, Bucket) {
    const { ObjectLockConfiguration } = await client.send(new GetObjectLockConfigurationCommand({ Bucket }));
    return fromAws(ObjectLockConfiguration);
  },
  // Object Lock can't be switched off; what goes is the default retention.
  unset: (client, Bucket) =>
    client.send(
      new PutObjectLockConfigurationCommand({
        Bucket,
        ObjectLockConfiguration: { ObjectLockEnabled: "Enabled" },
      }),
    ),
});

const ENCRYPTION = { sseAlgorithm: "SSEAlgorithm", kmsMasterKeyId: "KMSMasterKeyID" };
const encryption = setting({
  put: (client, Bucket, { rules }) =>
    client.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: {
          Rules: rules.map(({ blockedEncryptionTypes, ...rule }: Props) => ({
            ...toAws(rule, ENCRYPTION),
            ...(blockedEncryptionTypes && {
              BlockedEncryptionTypes: { EncryptionType: blockedEncryptionTypes },
            }),
          })),
        },
      }),
    ),
  async get(client, Bucket) {
    const { ServerSideEncryptionConfiguration } = await client.send(
      new GetBucketEncryptionCommand({ Bucket }),
    );
    const rules = (ServerSideEncryptionConfiguration?.Rules ?? []).map(
      ({ BlockedEncryptionTypes, ...rule }) => ({
        ...fromAws(rule, ENCRYPTION),
        ...(BlockedEncryptionTypes && { blockedEncryptionTypes: BlockedEncryptionTypes.EncryptionType }),
      }),
    );
    return { rules };
  },
  unset: (client, Bucket) => client.send(new DeleteBucketEncryptionCommand({ Bucket })),
});

/** Filters hold tags: a map in the provider's words, a list in the API's. */
const ruleToAws = (rule: Props, renames: Record<string, string>): any => {
  const { tags, ...and } = rule.filter?.and ?? {};
  const filter = rule.filter && {
    ...toAws(rule.filter),
    ...(rule.filter.and && { And: { ...toAws(and), ...(tags && { Tags: tagItems(tags) }) } }),
  };
  return { ...toAws(rule, renames), ...(filter && { Filter: filter }) };
};
const ruleFromAws = (rule: Props, renames: Record<string, string>): Props => {
  const { Tags, ...And } = rule.Filter?.And ?? {};
  const filter = rule.Filter && {
    ...fromAws(rule.Filter),
    ...(rule.Filter.And && { and: { ...fromAws(And), ...(Tags && { tags: tagMap(Tags) }) } }),
  };
  return { ...fromAws(rule, renames), ...(filter && { filter }) };
};

const REPLICATION = { id: "ID", replicaKmsKeyId: "ReplicaKmsKeyID" };
const replication = setting({
  put: (client, Bucket, { role, rules, token }) =>
    client.send(
      new PutBucketReplicationCommand({
        Bucket,
        Token: token,
        ReplicationConfiguration: {
          Role: role,
          Rules: rules.map((rule: Props) => ruleToAws(rule, REPLICATION)),
        },
      }),
    ),
  async get(client, Bucket) {
    const { ReplicationConfiguration } = await client.send(new GetBucketReplicationCommand({ Bucket }));
    return {
      role: ReplicationConfiguration?.Role,
      rules: (ReplicationConfiguration?.Rules ?? []).map((rule) => ruleFromAws(rule, REPLICATION)),
    };
  },
  unset: (client, Bucket) => client.send(new DeleteBucketReplicationCommand({ Bucket })),
});

const LIFECYCLE = { id: "ID" };
const lifecycle = setting({
  put: (client, Bucket, { rules, transitionDefaultMinimumObjectSize }) =>
    client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        TransitionDefaultMinimumObjectSize: transitionDefaultMinimumObjectSize,
        LifecycleConfiguration: {
          Rules: rules.map((rule: Props) => withDates(ruleToAws({ filter: {}, ...rule }, LIFECYCLE))),
        },
      }),
    ),
  async get(client, Bucket) {
    const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    return { rules: (Rules ?? []).map((rule) => withoutZeroSize(ruleFromAws(rule, LIFECYCLE))) };
  },
  unset: (client, Bucket) => client.send(new DeleteBucketLifecycleCommand({ Bucket })),
});

/** A least size of 0 is what AWS assumes without one, and what the SDK reads where none is. */
function withoutZeroSize(rule: Props): Props {
  for (const filter of [rule.filter, rule.filter?.and]) {
    if (filter?.objectSizeGreaterThan === 0) delete filter.objectSizeGreaterThan;
  }
  return rule;
}

/** The SDK takes dates as objects. */
const withDates = (rule: Props): any =>
  JSON.parse(JSON.stringify(rule), (key, value) =>
    key === "Date" && typeof value === "string" ? new Date(value) : value,
  );

const policy = setting({
  put: (client, Bucket, inputs) =>
    client.send(new PutBucketPolicyCommand({ Bucket, Policy: documentText(inputs.policy) })),
  async get(client, Bucket) {
    const { Policy } = await client.send(new GetBucketPolicyCommand({ Bucket }));
    return { policy: Policy };
  },
  unset: (client, Bucket) => client.send(new DeleteBucketPolicyCommand({ Bucket })),
});

const publicAccessBlock = setting({
  put: (client, Bucket, inputs) =>
    client.send(
      new PutPublicAccessBlockCommand({
        Bucket,
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: inputs.blockPublicAcls ?? false,
          BlockPublicPolicy: inputs.blockPublicPolicy ?? false,
          IgnorePublicAcls: inputs.ignorePublicAcls ?? false,
          RestrictPublicBuckets: inputs.restrictPublicBuckets ?? false,
        },
      }),
    ),
  async get(client, Bucket) {
    const { PublicAccessBlockConfiguration: found } = await client.send(
      new GetPublicAccessBlockCommand({ Bucket }),
    );
    return {
      blockPublicAcls: found?.BlockPublicAcls ?? false,
      blockPublicPolicy: found?.BlockPublicPolicy ?? false,
      ignorePublicAcls: found?.IgnorePublicAcls ?? false,
      restrictPublicBuckets: found?.RestrictPublicBuckets ?? false,
    };
  },
  unset: (client, Bucket) => client.send(new DeletePublicAccessBlockCommand({ Bucket })),
});

const ownership = setting({
  put: (client, Bucket, { rule }) =>
    client.send(
      new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules: [toAws(rule)] } }),
    ),
  async get(client, Bucket) {
    const { OwnershipControls } = await client.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    return { rule: fromAws(OwnershipControls?.Rules?.[0]) };
  },
  unset: (client, Bucket) => client.send(new DeleteBucketOwnershipControlsCommand({ Bucket })),
});

export const s3SettingsHandlers: Record<string, AwsHandler> = {
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": lifecycle,
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": objectLock,
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ownership,
  "aws:s3/bucketPolicy:BucketPolicy": policy,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": publicAccessBlock,
  "aws:s3/bucketReplicationConfig:BucketReplicationConfig": replication,
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": encryption,
  "aws:s3/bucketVersioning:BucketVersioning": versioning,
};
