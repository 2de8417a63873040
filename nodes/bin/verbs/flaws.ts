/** Flaws of a vault: missing or unreadable objects, and settings that differ from the declared ones. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { output, run } from "./commands.js";
import { readJson } from "./node-config.js";
import type { Backup, Repository } from "./repository.js";
import type { Store } from "./store.js";

/** Timeout of each request after the vault's first answer. */
export const REST_MILLIS = 60_000;

/** dr-backup's record in etcd of the last attempt of each kind. */
export interface BackupResult {
  readonly error?: string | null;
  /** Seconds since 1970. */
  readonly endedAt: number;
  /** Size and time of the repository's lists, as that backup left them. */
  readonly info?: Readonly<Record<string, readonly [size: number, time: number]>> | null;
}

/** The repository's lists of backups and of WAL. */
export async function flawsOfLists(repository: Repository, store: Store, stanza: string): Promise<string[]> {
  const known = ((await store.get("backup/result")) as BackupResult | undefined)?.info ?? {};
  const found: string[] = [];
  for (const kind of ["backup", "archive"]) {
    const entries = await repository.listing(stanza, `${kind}/${stanza}`);
    for (const name of [`${kind}.info`, `${kind}.info.copy`]) {
      // A repository without backups has no list of them.
      const isDue = kind === "archive" || Object.keys(entries).length > 0 || Object.keys(known).length > 0;
      if (!(name in entries) && isDue) found.push(`${kind}/${stanza}/${name} is missing`);
    }
    if (kind !== "backup") continue;
    for (const [name, [size, time]] of Object.entries(known)) {
      const entry = entries[name];
      const isChanged = entry && (entry.size !== size || entry.time !== time);
      if (isChanged && !(await store.get("backup/lock")))
        found.push(`backup/${stanza}/${name} was changed, and by no backup of this region`);
    }
  }
  return found;
}

/** Backups in the list that are missing: a delete has hidden them. */
export async function flawsOfBackups(
  repository: Repository,
  stanza: string,
  backups: readonly Backup[],
): Promise<string[]> {
  const entries = await repository.listing(stanza, `backup/${stanza}`);
  return backups.filter(({ label }) => !(label in entries)).map(({ label }) => `backup ${label} is missing`);
}

interface Protection {
  readonly versioning?: string | null;
  readonly lockMode?: string | null;
  readonly lockDays?: number | string | null;
}

export async function flawsOfBucket(bucket: string, lockDays: number): Promise<string[]> {
  const said = await output(["dr-vault-protection", `s3://${bucket}`], { timeoutMillis: REST_MILLIS });
  const { versioning, lockMode, lockDays: days } = JSON.parse(said) as Protection;
  const found: string[] = [];
  if (versioning !== "Enabled") found.push(`versioning of ${bucket} is ${versioning || "off"}`);
  if (lockMode !== "COMPLIANCE" || Number(days || 0) < lockDays)
    found.push(
      `${bucket} locks for ${days || 0} days (${lockMode || "no lock"}), not ${lockDays} (COMPLIANCE)`,
    );
  return found;
}

/** Settings of a vault as S3 tells them; null where there is none. The twin's storage has none of them and leaves them out. */
export interface VaultSettings {
  readonly publicAccess?: Readonly<Record<string, boolean>> | null;
  readonly policy?: { readonly Statement: readonly PolicyStatement[] } | null;
  readonly lifecycle?: readonly LifecycleRule[] | null;
  readonly replication?: readonly ReplicationRule[] | null;
  readonly encryption?: { readonly algorithm: string; readonly key?: string | null } | null;
  /** KMS's word for the state of that key; `denied`: it isn't the vault's declared key. */
  readonly keyState?: string | null;
}

interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Condition?: unknown;
}

interface LifecycleRule {
  readonly ID?: string;
  readonly Status: string;
  readonly Prefix?: string;
  readonly Filter?: { readonly Prefix?: string; readonly And?: { readonly Prefix?: string } };
  readonly Expiration?: { readonly Days?: number; readonly Date?: string };
  readonly NoncurrentVersionExpiration?: { readonly NoncurrentDays?: number };
}

interface ReplicationRule {
  readonly Status: string;
  readonly Destination: { readonly Bucket: string };
  readonly DeleteMarkerReplication?: { readonly Status: string };
}

/** A vault, and the other region's, as the contract names them. */
export interface VaultPlace {
  readonly region: string;
  readonly bucket: string;
  readonly otherRegion: string;
  readonly otherBucket: string;
}

/** components/access/bucket-policies.ts declares them. */
const DENIALS = ["DenyPlainText", "DenyOldTls", "DenyOtherEncryption", "DenyOtherKeys"];
const PUBLIC_ACCESS = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];

export async function settingsOf(bucket: string): Promise<VaultSettings> {
  const said = await output(["dr-vault-settings", `s3://${bucket}`], { timeoutMillis: REST_MILLIS });
  return JSON.parse(said) as VaultSettings;
}

/** What of a vault's settings isn't as stack `global` declares it. */
export function flawsOfSettings(
  { region, bucket, otherRegion, otherBucket }: VaultPlace,
  lockDays: number,
  { publicAccess, policy, lifecycle, replication, encryption, keyState }: VaultSettings,
): string[] {
  const found: string[] = [];
  if (publicAccess !== undefined && !PUBLIC_ACCESS.every((each) => publicAccess?.[each] === true))
    found.push(`${bucket} doesn't block all public access`);
  if (policy !== undefined) {
    const statements = policy?.Statement ?? [];
    const denied = statements.filter(({ Effect }) => Effect === "Deny");
    for (const each of DENIALS.filter((sid) => !denied.some(({ Sid }) => Sid === sid)))
      found.push(`the policy of ${bucket} lacks ${each}`);
    if (denied.length < statements.length) found.push(`the policy of ${bucket} allows somebody something`);
    const key = encryption?.key;
    const keys = denied.find(({ Sid }) => Sid === "DenyOtherKeys");
    if (key && keys && !JSON.stringify(keys.Condition).includes(key))
      found.push(`the policy of ${bucket} and its encryption name different keys`);
  }
  if (encryption !== undefined && encryption?.algorithm !== "aws:kms")
    found.push(`${bucket} doesn't encrypt under its key (${encryption?.algorithm ?? "no default"})`);
  if (keyState && keyState !== "Enabled")
    found.push(
      keyState === "denied"
        ? `${bucket} encrypts under another key than its own`
        : `the key of ${bucket} is ${keyState}`,
    );
  if (replication !== undefined && !replication?.some(copiesTo(otherBucket)))
    found.push(`${bucket} doesn't copy to ${otherBucket}`);
  if (lifecycle === null) found.push(`${bucket} has no lifecycle`);
  // Dumps and reports are removed by age, and so are the other region's copies. What else is current stays.
  const byAge = [`${region}/dump/`, `${region}/restore-tests/`, `${otherRegion}/`];
  for (const rule of lifecycle?.filter(({ Status }) => Status === "Enabled") ?? []) {
    const { ID, Prefix, Filter, Expiration, NoncurrentVersionExpiration } = rule;
    const prefix = Prefix ?? Filter?.Prefix ?? Filter?.And?.Prefix ?? "";
    const removes = Expiration?.Days !== undefined || Expiration?.Date !== undefined;
    if (removes && !byAge.some((each) => prefix.startsWith(each)))
      found.push(`rule ${ID} of ${bucket} removes backups by age`);
    const days = [Expiration?.Days, NoncurrentVersionExpiration?.NoncurrentDays];
    if (Expiration?.Date !== undefined || days.some((each) => each !== undefined && each < lockDays))
      found.push(`rule ${ID} of ${bucket} removes objects before their lock ends`);
  }
  return found;
}

const copiesTo = (bucket: string) => (rule: ReplicationRule) =>
  rule.Status === "Enabled" &&
  rule.Destination.Bucket === `arn:aws:s3:::${bucket}` &&
  rule.DeleteMarkerReplication?.Status !== "Enabled";

/** The fields of dr-restore-test's report that the gauges need. */
export interface RestoreTest {
  readonly passed: boolean;
  /** Seconds since 1970. */
  readonly endedAt: number;
  readonly restoreSeconds?: number | null;
  readonly rpoSeconds?: number | null;
}

/** The newest report with a valid signature; undefined without one. */
export async function newestRestoreTest(
  repository: Repository,
  stanza: string,
): Promise<RestoreTest | undefined> {
  const { bucket, path } = repository.place();
  const names = Object.keys(await repository.listing(stanza, "restore-tests")).filter((name) =>
    name.endsWith(".json"),
  );
  for (const name of names.sort().reverse()) {
    const folder = mkdtempSync(join(tmpdir(), "restore-test-"));
    try {
      for (const each of [name, name.replace(/json$/, "sig")]) {
        const address = `s3://${bucket}${path}/restore-tests/${each}`;
        await output(["dr-get-artifact", address, join(folder, each)], { timeoutMillis: REST_MILLIS });
      }
      const { code } = await run(["dr-verify-report", join(folder, name)], { stdout: "ignore" });
      if (code === 0) return readJson(join(folder, name)) as RestoreTest;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return undefined;
}
