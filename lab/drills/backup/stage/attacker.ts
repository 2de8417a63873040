/** Somebody who holds keys to a vault: what they try through S3, and what S3 says to it. */
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  type DeleteObjectsCommandOutput,
  ListObjectVersionsCommand,
  type ObjectVersion,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { VaultBucket } from "../../../../operations/vault/bucket.js";
import type { RegionId } from "../../../../settings/stacks.js";
import type { Scene } from "../../scene.js";

/** S3's bound on one request. */
const BATCH = 1000;

/** What S3 answered: its code where it refused. */
export interface Answer {
  readonly refused: boolean;
  readonly words: string;
}

export interface VaultOf {
  readonly bucket: string;
  /** Of the region's own repository, with a slash at its end. */
  readonly prefix: string;
  readonly stanza: string;
}

export const vaultOf = (scene: Scene, region: RegionId): VaultOf => {
  const { vaultBucket, repositoryPath, vpcName } = scene.running.contract[region];
  return { bucket: vaultBucket, prefix: `${repositoryPath.slice(1)}/`, stanza: vpcName };
};

/** S3 with the rights of a region's database nodes, towards whichever region's endpoint. */
export const asNode = (scene: Scene, region: RegionId, towards = region): S3Client => {
  const { store } = scene.running.vaults;
  return store.s3(towards, store.nodes[region]);
};

/** S3 with every right that the account can have; the locks bind it all the same. */
export const asRoot = (scene: Scene, region: RegionId): S3Client => scene.running.vaults.store.s3(region);

/** The vault with the rights of the operator who repairs it. */
export const repaired = (scene: Scene, region: RegionId): VaultBucket =>
  new VaultBucket(asRoot(scene, region), vaultOf(scene, region).bucket);

/** Sends it, whatever comes of it. A batch counts as refused when all of it was. @throws what isn't S3's answer */
export async function tried(request: () => Promise<unknown>): Promise<Answer> {
  try {
    const { Errors: errors = [], Deleted: deleted = [] } = (await request()) as DeleteObjectsCommandOutput;
    return errors.length > 0 && deleted.length === 0
      ? { refused: true, words: `${errors[0]?.Code}` }
      : { refused: false, words: "done" };
  } catch (error) {
    const { name, $metadata: { httpStatusCode: status } = {} } = error as Error & {
      $metadata?: { httpStatusCode?: number };
    };
    if (!status) throw error;
    return { refused: status >= 400 && status < 500, words: `${name} (${status})` };
  }
}

/** Every version below a prefix, hidden ones too; markers are none. */
export async function versionsOf(s3: S3Client, bucket: string, prefix: string): Promise<ObjectVersion[]> {
  const found: ObjectVersion[] = [];
  for (let at: { KeyMarker?: string; VersionIdMarker?: string } = {}; ; ) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...at }));
    found.push(...(page.Versions ?? []));
    if (!page.IsTruncated) return found;
    at = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
}

/** Plain deletes of what is current below a prefix: each puts a delete marker in front. @returns how many */
export async function hideAll(s3: S3Client, { bucket, prefix }: VaultOf): Promise<number> {
  const current = (await versionsOf(s3, bucket, prefix)).filter(({ IsLatest: isLatest }) => isLatest);
  for (let from = 0; from < current.length; from += BATCH) {
    const keys = current.slice(from, from + BATCH).map(({ Key }) => ({ Key }));
    await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Quiet: true, Objects: keys } }));
  }
  return current.length;
}

/** Other content under the same key. */
export const overwrite = (s3: S3Client, bucket: string, key: string, content: string): Promise<unknown> =>
  s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }));

/** The content that an object had earlier, in front again: well-formed, and wrong. */
export const replay = (
  s3: S3Client,
  bucket: string,
  { Key: from, VersionId: versionId }: ObjectVersion,
  key: string,
): Promise<unknown> =>
  s3.send(
    new CopyObjectCommand({
      Bucket: bucket,
      Key: key,
      CopySource: `${bucket}/${encodeURIComponent(from as string)}?versionId=${versionId}`,
    }),
  );
