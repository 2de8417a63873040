/**
 * S3 buckets. Their settings are separate resources (`s3-settings.ts`), as are objects (`s3-object.ts`).
 *
 * The emulator doesn't: keep metrics configurations (BucketMetric is simulated); evaluate lifecycle rules.
 */
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetBucketTaggingCommand,
  GetObjectLockConfigurationCommand,
  HeadBucketCommand,
  ListObjectVersionsCommand,
  PutBucketTaggingCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { PartialCreateError } from "../../plugin.js";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { tagMap } from "./read-back.js";
import { s3ObjectHandlers } from "./s3-object.js";
import { s3SettingsHandlers } from "./s3-settings.js";
import { tagsFound } from "./tags.js";

/** Settings that a bucket once took inline. Accepting them and doing nothing would be a lie. */
const INLINE = [
  "accelerationStatus",
  "acl",
  "corsRules",
  "grants",
  "lifecycleRules",
  "logging",
  "objectLockConfiguration",
  "policy",
  "replicationConfiguration",
  "requestPayer",
  "serverSideEncryptionConfiguration",
  "versioning",
  "website",
];

const bucket: AwsHandler = {
  name: { property: "bucket" },
  replaceOn: ["bucket", "bucketPrefix", "objectLockEnabled"],
  async create(aws, inputs) {
    const inline = INLINE.filter((name) => inputs[name] !== undefined);
    if (inline.length > 0) {
      throw new Error(
        `bucket '${inputs.bucket}': ${inline.join(", ")} set on the bucket itself\n  The stand-in makes these settings only as separate resources.\n  → use aws.s3.BucketVersioning and its like`,
      );
    }
    const id: string = inputs.bucket;
    await aws.client(S3Client).send(
      new CreateBucketCommand({
        Bucket: id,
        ObjectLockEnabledForBucket: inputs.objectLockEnabled,
        CreateBucketConfiguration:
          aws.region === "us-east-1" ? undefined : { LocationConstraint: aws.region as never },
      }),
    );
    const outputs = bucketOutputs(aws, id);
    try {
      await putTags(aws, id, inputs);
    } catch (error) {
      throw new PartialCreateError(id, { ...inputs, ...outputs }, error as Error);
    }
    return { id, outputs };
  },
  async read(aws, id, known) {
    const client = aws.client(S3Client);
    if (!(await unlessGone(client.send(new HeadBucketCommand({ Bucket: id }))))) return undefined;
    const [tagging, lock] = await Promise.all([
      unlessGone(client.send(new GetBucketTaggingCommand({ Bucket: id }))),
      unlessGone(client.send(new GetObjectLockConfigurationCommand({ Bucket: id }))),
    ]);
    return {
      bucket: id,
      objectLockEnabled: lock?.ObjectLockConfiguration?.ObjectLockEnabled === "Enabled",
      ...tagsFound(aws, tagMap(tagging?.TagSet), known),
      ...bucketOutputs(aws, id),
    };
  },
  async update(aws, id, news) {
    await putTags(aws, id, news);
  },
  async delete(aws, id, state) {
    if (state.forceDestroy) await empty(aws, id);
    await unlessGone(aws.client(S3Client).send(new DeleteBucketCommand({ Bucket: id })));
  },
};

/** Deletes every version of every object; locked ones make it fail, as on AWS. */
async function empty(aws: AwsContext, Bucket: string): Promise<void> {
  const client = aws.client(S3Client);
  for (;;) {
    const page = await unlessGone(client.send(new ListObjectVersionsCommand({ Bucket })));
    const Objects = [...(page?.Versions ?? []), ...(page?.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
      Key,
      VersionId,
    }));
    if (Objects.length === 0) return;
    const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    const [refused] = Errors ?? [];
    if (refused)
      throw new Error(`${refused.Code}: object '${refused.Key}' of bucket '${Bucket}': ${refused.Message}`);
  }
}

const bucketOutputs = (aws: AwsContext, id: string): Props => ({
  arn: `arn:aws:s3:::${id}`,
  bucketDomainName: `${id}.s3.amazonaws.com`,
  bucketRegionalDomainName: `${id}.s3.${aws.region}.amazonaws.com`,
  bucketRegion: aws.region,
});

const putTags = (aws: AwsContext, id: string, inputs: Props) =>
  aws
    .client(S3Client)
    .send(new PutBucketTaggingCommand({ Bucket: id, Tagging: { TagSet: aws.tagList(inputs) } }));

export const s3Handlers: Record<string, AwsHandler> = {
  "aws:s3/bucket:Bucket": bucket,
  ...s3SettingsHandlers,
  ...s3ObjectHandlers,
};
