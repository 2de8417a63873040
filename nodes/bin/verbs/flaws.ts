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
