import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketTaggingCommand,
  HeadBucketCommand,
  PutBucketTaggingCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { PartialCreateError } from "../../plugin.js";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./index.js";

const bucket: AwsHandler = {
  name: { property: "bucket" },
  replaceOn: ["bucket", "objectLockEnabled"],
  async create(aws, inputs) {
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
  async read(aws, id) {
    const client = aws.client(S3Client);
    if (!(await unlessGone(client.send(new HeadBucketCommand({ Bucket: id }))))) return undefined;
    const tagging = await unlessGone(client.send(new GetBucketTaggingCommand({ Bucket: id })));
    const tagsAll = Object.fromEntries((tagging?.TagSet ?? []).map(({ Key, Value }) => [Key, Value]));
    return { bucket: id, tagsAll, ...bucketOutputs(aws, id) };
  },
  async update(aws, id, news) {
    await putTags(aws, id, news);
  },
  async delete(aws, id) {
    await unlessGone(aws.client(S3Client).send(new DeleteBucketCommand({ Bucket: id })));
  },
};

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

export const s3: Record<string, AwsHandler> = {
  "aws:s3/bucket:Bucket": bucket,
};
