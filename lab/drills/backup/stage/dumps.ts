/** A region's logical dumps as its vault has them. */
import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { REPOSITORY_FOLDERS } from "../../../../settings/contract.js";
import type { Scene } from "../../scene.js";

export interface DumpedTable {
  readonly schema: string;
  readonly name: string;
  /** In the same snapshot; null of a table too large to be counted. */
  readonly rows: number | null;
}

/** done.json, as far as it is read here. `dr-dump` keeps the shape in step. */
export interface DumpRecord {
  readonly databases: readonly {
    readonly database: string;
    readonly file: string;
    readonly serverVersion: string;
    readonly fromReplica: boolean;
    readonly tables: readonly DumpedTable[];
  }[];
}

export interface StoredDump {
  /** Its folder's name, the time. */
  readonly name: string;
  readonly record: DumpRecord;
}

const DONE = "done.json";

/** The newest that is whole. @throws Error when there is none. */
export async function newestDump(scene: Scene): Promise<StoredDump> {
  const { vaults } = scene.running;
  const folder = folderOf(scene);
  const keys = await vaults.list(scene.id, `${folder}/`);
  const key = keys
    .filter((each) => each.endsWith(`/${DONE}`))
    .toSorted()
    .at(-1);
  if (!key) throw new Error(`no whole dump below ${folder}`);
  const text = Buffer.from(await vaults.read(scene.id, key)).toString();
  return { name: key.split("/").at(-2) as string, record: JSON.parse(text) as DumpRecord };
}

/** How `openssl enc` begins a file, and how `pg_dump -Fc` does. */
const [ENCRYPTED, PLAIN] = ["Salted__", "PGDMP"];

/** Proves, by S3's own words, that every object of a dump is locked and encrypted by the vault's key, and no dump readable without the passphrase. */
export async function provesSealed(scene: Scene, { name, record }: StoredDump): Promise<void> {
  const { vaults } = scene.running;
  const { vaultBucket: Bucket } = scene.region;
  const folder = `${folderOf(scene)}/${name}`;
  const keys = await vaults.list(scene.id, `${folder}/`);
  const heads = await Promise.all(
    keys.map((Key) => vaults.store.s3(scene.id).send(new HeadObjectCommand({ Bucket, Key }))),
  );
  const locked = heads.filter(
    (head) =>
      head.ObjectLockMode === "COMPLIANCE" &&
      (head.ObjectLockRetainUntilDate?.getTime() ?? 0) > Date.now() &&
      head.ServerSideEncryption === "aws:kms" &&
      head.VersionId !== undefined,
  );
  scene.prove(
    `${locked.length} of ${keys.length} objects of the dump are versioned, locked and encrypted by the vault's key`,
    keys.length > 0 && locked.length === keys.length,
  );
  for (const { file } of record.databases) {
    const bytes = Buffer.from(await vaults.read(scene.id, `${folder}/${file}`));
    scene.prove(
      `${file} (${bytes.length} bytes) is encrypted before it leaves the node`,
      bytes.subarray(0, ENCRYPTED.length).toString() === ENCRYPTED && !bytes.includes(PLAIN),
    );
  }
}

const folderOf = (scene: Scene): string =>
  `${scene.region.repositoryPath.slice(1)}/${REPOSITORY_FOLDERS.dumps}`;
