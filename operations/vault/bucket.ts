/** One bucket through S3's interface, as far as a repair needs it. S3's refusals become errors with a remedy. */
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { UserError } from "../../common/errors.js";
import { type Entry, type History, historiesOf } from "./history.js";

/** How a bucket protects its objects. */
export interface Protection {
  /** `Enabled`, `Suspended` or `off`. */
  readonly versioning: string;
  /** Of new objects: `COMPLIANCE`, `GOVERNANCE`; undefined without a lock. */
  readonly lockMode?: string;
  readonly lockDays: number;
}

/** S3's bound on one request. */
const BATCH = 1000;
const DAYS_OF_A_YEAR = 365;

export class VaultBucket {
  constructor(
    private readonly s3: S3Client,
    readonly name: string,
  ) {}

  /** Of all objects below a prefix, hidden ones too. */
  async histories(prefix: string): Promise<History[]> {
    const entries: Entry[] = [];
    let at: { KeyMarker?: string; VersionIdMarker?: string } = {};
    for (;;) {
      const page = await this.ask(`list s3://${this.name}/${prefix}`, () =>
        this.s3.send(new ListObjectVersionsCommand({ Bucket: this.name, Prefix: prefix, ...at })),
      );
      for (const each of page.Versions ?? []) entries.push({ ...entry(each, false), bytes: each.Size ?? 0 });
      for (const each of page.DeleteMarkers ?? []) entries.push(entry(each, true));
      if (!page.IsTruncated) return historiesOf(entries);
      at = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
  }

  /** Names of the folders right below a prefix, without their slash. */
  async folders(prefix: string): Promise<string[]> {
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.ask(`list s3://${this.name}/${prefix}`, () =>
        this.s3.send(
          new ListObjectsV2Command({
            Bucket: this.name,
            Prefix: prefix,
            Delimiter: "/",
            ContinuationToken: token,
          }),
        ),
      );
      for (const { Prefix: path = "" } of page.CommonPrefixes ?? [])
        names.push(path.slice(prefix.length, -1));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return names;
  }

  /** Milliseconds since 1970; undefined where there is no such object. By listing: it takes no right to read objects. */
  async modifiedAt(key: string): Promise<number | undefined> {
    const { Contents: found = [] } = await this.ask(`look at s3://${this.name}/${key}`, () =>
      this.s3.send(new ListObjectsV2Command({ Bucket: this.name, Prefix: key, MaxKeys: 1 })),
    );
    const [first] = found;
    return first?.Key === key ? first.LastModified?.getTime() : undefined;
  }

  /**
   * Removes delete markers for good. Every given entry must be a marker: removing a version would lose data.
   * @throws UserError with the first marker that S3 refused to remove; those before are gone.
   */
  async removeMarkers(markers: readonly Entry[]): Promise<void> {
    for (let from = 0; from < markers.length; from += BATCH) {
      const some = markers.slice(from, from + BATCH);
      const what = `remove ${some.length} delete markers of ${this.name}`;
      const { Errors: errors = [] } = await this.ask(what, () =>
        this.s3.send(
          new DeleteObjectsCommand({
            Bucket: this.name,
            Delete: {
              Quiet: true,
              Objects: some.map(({ key, versionId }) => ({ Key: key, VersionId: versionId })),
            },
          }),
        ),
      );
      const [first] = errors;
      if (first) {
        throw new UserError(
          `s3://${this.name}/${first.Key}: ${errors.length} of ${some.length} delete markers remain`,
          `S3 says ${first.Code}: ${first.Message}.`,
          "use credentials with s3:DeleteObjectVersion on this bucket, and run the command again",
        );
      }
    }
  }

  /** Makes an older version current again, as a new copy under the bucket's own key and lock. */
  copyToFront(version: Pick<Entry, "key" | "versionId">): Promise<void> {
    return this.copyFrom(this.name, version);
  }

  /** Copies a version of a bucket here, under this bucket's own key and lock. These credentials must read it there. */
  async copyFrom(bucket: string, { key, versionId }: Pick<Entry, "key" | "versionId">): Promise<void> {
    const source = `${bucket}/${encodeURIComponent(key)}?versionId=${encodeURIComponent(versionId)}`;
    await this.ask(`copy version ${versionId} of s3://${bucket}/${key}`, () =>
      this.s3.send(new CopyObjectCommand({ Bucket: this.name, Key: key, CopySource: source })),
    );
  }

  async put(key: string, text: string): Promise<void> {
    await this.ask(`write s3://${this.name}/${key}`, () =>
      this.s3.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: text })),
    );
  }

  async protection(): Promise<Protection> {
    const Bucket = this.name;
    const { Status: versioning } = await this.ask(`read the versioning of ${Bucket}`, () =>
      this.s3.send(new GetBucketVersioningCommand({ Bucket })),
    );
    const lock = await this.ask(`read the lock of ${Bucket}`, async () => {
      try {
        const answer = await this.s3.send(new GetObjectLockConfigurationCommand({ Bucket }));
        return answer.ObjectLockConfiguration?.Rule?.DefaultRetention;
      } catch (error) {
        if ((error as Error).name === "ObjectLockConfigurationNotFoundError") return undefined;
        throw error;
      }
    });
    return {
      versioning: versioning ?? "off",
      ...(lock?.Mode && { lockMode: lock.Mode }),
      lockDays: lock?.Days ?? (lock?.Years ?? 0) * DAYS_OF_A_YEAR,
    };
  }

  async enableVersioning(): Promise<void> {
    await this.ask(`enable versioning of ${this.name}`, () =>
      this.s3.send(
        new PutBucketVersioningCommand({
          Bucket: this.name,
          VersioningConfiguration: { Status: "Enabled" },
        }),
      ),
    );
  }

  async lockNewObjects(days: number): Promise<void> {
    await this.ask(`set the lock of ${this.name}`, () =>
      this.s3.send(
        new PutObjectLockConfigurationCommand({
          Bucket: this.name,
          ObjectLockConfiguration: {
            ObjectLockEnabled: "Enabled",
            Rule: { DefaultRetention: { Mode: "COMPLIANCE", Days: days } },
          },
        }),
      ),
    );
  }

  private async ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      const { name, message } = error as Error;
      if (name === "TypeError") throw error;
      throw new UserError(
        `can't ${what}`,
        `S3 says ${name}: ${message}`,
        name === "NoSuchBucket"
          ? "check that the account and the stack are right"
          : "use credentials that may do this: an administrator's, not a machine's",
      );
    }
  }
}

interface Listed {
  readonly Key?: string;
  readonly VersionId?: string;
  readonly IsLatest?: boolean;
  readonly LastModified?: Date;
}

const entry = (each: Listed, isMarker: boolean): Entry => ({
  key: each.Key as string,
  versionId: each.VersionId as string,
  isMarker,
  isLatest: each.IsLatest ?? false,
  modified: each.LastModified?.getTime() ?? 0,
});
