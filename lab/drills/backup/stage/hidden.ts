/** Objects of a vault that a delete has hidden: a delete marker hides their versions, which are locked. */
import { DeleteObjectCommand, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import type { Scene } from "../../scene.js";

/** The segment's object in the region's own archive. @throws Error when there is none. */
export async function segmentKey({ running, region, id }: Scene, segment: string): Promise<string> {
  const keys = await running.vaults.list(id, `${region.repositoryPath.slice(1)}/archive/`);
  const key = keys.find((each) => each.includes(`/${segment}-`));
  if (!key) throw new Error(`${segment} is not in the vault of ${id}`);
  return key;
}

/** A plain delete, with what a database node may do. */
export async function hide({ running, region, id }: Scene, key: string): Promise<void> {
  const { store } = running.vaults;
  await store.s3(id, store.nodes[id]).send(new DeleteObjectCommand({ Bucket: region.vaultBucket, Key: key }));
}

/** Takes the marker away, which only an administrator may. @throws Error when there is none. */
export async function bringBack({ running, region, id }: Scene, key: string): Promise<void> {
  const s3 = running.vaults.store.s3(id);
  const { DeleteMarkers: markers = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket: region.vaultBucket, Prefix: key }),
  );
  const marker = markers.find(({ IsLatest: isLatest, Key }) => isLatest && Key === key);
  if (!marker) throw new Error(`${key} is not hidden`);
  await s3.send(
    new DeleteObjectCommand({ Bucket: region.vaultBucket, Key: key, VersionId: marker.VersionId }),
  );
}
