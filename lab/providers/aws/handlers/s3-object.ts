/**
 * S3 objects, of text or of a file.
 *
 * The emulator doesn't: give `bucketKeyEnabled` back for an object.
 */
import { readFile } from "node:fs/promises";
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";
import { unlessGone } from "./errors.js";
import type { AwsHandler } from "./handler.js";
import { tagMap, told } from "./read-back.js";
import { tagsFound } from "./tags.js";

const object: AwsHandler = {
  name: false,
  replaceOn: ["bucket", "key"],
  recomputed: ["versionId", "etag"],
  async create(aws, inputs) {
    const outputs = await put(aws, inputs);
    return { id: `${inputs.bucket}/${inputs.key}`, outputs };
  },
  async read(aws, id, known) {
    const [Bucket = "", Key = ""] = split(id);
    const client = aws.client(S3Client);
    const head = await unlessGone(client.send(new HeadObjectCommand({ Bucket, Key })));
    if (!head) return undefined;
    const tagging = await client.send(new GetObjectTaggingCommand({ Bucket, Key }));
    return told({
      bucket: Bucket,
      key: Key,
      arn: `arn:aws:s3:::${Bucket}/${Key}`,
      etag: head.ETag?.replaceAll('"', ""),
      versionId: head.VersionId,
      cacheControl: head.CacheControl,
      contentDisposition: head.ContentDisposition,
      contentEncoding: head.ContentEncoding,
      contentLanguage: head.ContentLanguage,
      contentType: head.ContentType,
      metadata: head.Metadata && Object.keys(head.Metadata).length > 0 ? head.Metadata : undefined,
      serverSideEncryption: head.ServerSideEncryption,
      kmsKeyId: head.SSEKMSKeyId,
      storageClass: head.StorageClass ?? "STANDARD",
      objectLockMode: head.ObjectLockMode,
      objectLockLegalHoldStatus: head.ObjectLockLegalHoldStatus,
      objectLockRetainUntilDate: head.ObjectLockRetainUntilDate?.toISOString().replace(".000Z", "Z"),
      ...(known.content === undefined ? {} : { content: await textOf(client, Bucket, Key) }),
      ...tagsFound(aws, tagMap(tagging.TagSet), known),
    });
  },
  async update(aws, _id, news) {
    return put(aws, news);
  },
  async delete(aws, id, state) {
    const [Bucket = "", Key = ""] = split(id);
    const client = aws.client(S3Client);
    if (!state.versionId)
      return void (await unlessGone(client.send(new DeleteObjectCommand({ Bucket, Key }))));
    // Of a versioned bucket the provider deletes every version; a locked one makes it fail.
    const page = await unlessGone(client.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key })));
    const Objects = [...(page?.Versions ?? []), ...(page?.DeleteMarkers ?? [])]
      .filter((version) => version.Key === Key)
      .map(({ VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) return;
    const { Errors } = await client.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects },
        BypassGovernanceRetention: state.forceDestroy || undefined,
      }),
    );
    const [refused] = Errors ?? [];
    if (refused)
      throw new Error(`${refused.Code}: object '${Key}' of bucket '${Bucket}': ${refused.Message}`);
  },
};

/** The id is `bucket/key`; an import may also give `s3://bucket/key`. */
function split(id: string): string[] {
  const path = id.replace(/^s3:\/\//, "");
  const slash = path.indexOf("/");
  return [path.slice(0, slash), path.slice(slash + 1)];
}

async function put(aws: AwsContext, inputs: Props): Promise<Props> {
  const client = aws.client(S3Client);
  const { ETag, VersionId, ServerSideEncryption, SSEKMSKeyId } = await client.send(
    new PutObjectCommand({
      Bucket: inputs.bucket,
      Key: inputs.key,
      Body: await bodyOf(inputs),
      ACL: inputs.acl,
      BucketKeyEnabled: inputs.bucketKeyEnabled,
      CacheControl: inputs.cacheControl,
      ContentDisposition: inputs.contentDisposition,
      ContentEncoding: inputs.contentEncoding,
      ContentLanguage: inputs.contentLanguage,
      ContentType: inputs.contentType ?? "application/octet-stream",
      Metadata: inputs.metadata,
      ServerSideEncryption: inputs.serverSideEncryption ?? (inputs.kmsKeyId && "aws:kms"),
      SSEKMSKeyId: inputs.kmsKeyId,
      StorageClass: inputs.storageClass,
      ObjectLockMode: inputs.objectLockMode,
      ObjectLockLegalHoldStatus: inputs.objectLockLegalHoldStatus,
      ObjectLockRetainUntilDate:
        inputs.objectLockRetainUntilDate && new Date(inputs.objectLockRetainUntilDate),
      Tagging: new URLSearchParams(aws.allTags(inputs)).toString() || undefined,
    }),
  );
  return told({
    arn: `arn:aws:s3:::${inputs.bucket}/${inputs.key}`,
    etag: ETag?.replaceAll('"', ""),
    versionId: VersionId,
    serverSideEncryption: ServerSideEncryption,
    kmsKeyId: SSEKMSKeyId,
  });
}

/** How the engine writes an asset. Source: Pulumi's `asset` package. */
const ASSET_TEXT = "text";
const ASSET_PATH = "path";

async function bodyOf({ content, contentBase64, source }: Props): Promise<string | Uint8Array> {
  if (contentBase64 !== undefined) return Buffer.from(contentBase64, "base64");
  if (source?.[ASSET_TEXT] !== undefined) return source[ASSET_TEXT];
  const path = typeof source === "string" ? source : source?.[ASSET_PATH];
  return path ? readFile(path) : (content ?? "");
}

const textOf = async (client: S3Client, Bucket: string, Key: string): Promise<string | undefined> =>
  (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

export const s3ObjectHandlers: Record<string, AwsHandler> = {
  "aws:s3/bucketObjectv2:BucketObjectv2": object,
};
