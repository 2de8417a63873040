/**
 * Inspects a vault after possible tampering, and brings its content back. Nothing here removes a version: every repair
 * leaves all content in place, so it can be repeated with another time.
 */
import { UserError } from "../../common/errors.js";
import type { Protection, VaultBucket } from "./bucket.js";
import { currentAt, type Hidden, hiddenSince, type Overwritten, overwrittenSince } from "./history.js";

export interface Inspection {
  readonly protection: Protection;
  /** Where the bucket's protection differs from the settings; empty if it doesn't. */
  readonly flaws: readonly string[];
  readonly hidden: readonly Hidden[];
  readonly overwritten: readonly Overwritten[];
}

/** Options of every repair. */
export interface RepairOptions {
  /** Whether to do it. Default: only report what it would do. */
  readonly yes?: boolean;
}

/** pgBackRest's lists: without them it finds nothing in a repository. It keeps two of each. */
export const isList = (key: string): boolean => /\/(backup|archive)\.info(\.copy)?$/.test(key);

/** @param since milliseconds since 1970: reports objects that were hidden or overwritten later */
export async function inspect(
  bucket: VaultBucket,
  prefix: string,
  since: number,
  lockDays: number,
): Promise<Inspection> {
  const protection = await bucket.protection();
  const histories = await bucket.histories(prefix);
  return {
    protection,
    flaws: flawsOf(protection, lockDays),
    hidden: hiddenSince(histories, since),
    overwritten: overwrittenSince(histories, since),
  };
}

/** Removes the delete markers made since then, if there is content below them. @returns the objects that it brings back */
export async function unhide(
  bucket: VaultBucket,
  prefix: string,
  since: number,
  { yes = false }: RepairOptions = {},
): Promise<readonly Hidden[]> {
  const found = hiddenSince(await bucket.histories(prefix), since);
  if (yes) await bucket.removeMarkers(found.flatMap(({ markers }) => markers));
  return found;
}

/**
 * Makes the versions that were current at a time current again, as copies.
 * @param keys of the objects; left out: pgBackRest's lists that were overwritten since
 * @returns the objects that differ from then
 * @throws UserError for a key that didn't exist at that time; nothing is changed then
 */
export async function rollBack(
  bucket: VaultBucket,
  prefix: string,
  to: number,
  keys: readonly string[] = [],
  { yes = false }: RepairOptions = {},
): Promise<readonly Overwritten[]> {
  const found =
    keys.length === 0
      ? overwrittenSince(await bucket.histories(prefix), to).filter(({ key }) => isList(key))
      : (await Promise.all(keys.map((key) => changed(bucket, key, to)))).flat();
  if (yes) for (const { before } of found) await bucket.copyToFront(before);
  return found;
}

async function changed(bucket: VaultBucket, key: string, to: number): Promise<Overwritten[]> {
  const histories = await bucket.histories(key);
  const history = histories.find(([{ key: found }]) => found === key);
  const before = history && currentAt(history, to);
  if (!history || !before || before.isMarker) {
    throw new UserError(
      `s3://${bucket.name}/${key} at ${new Date(to).toISOString()}`,
      !history ? "The object never existed." : before ? "It was hidden then." : "It was created later.",
      "name another time, or check with `npx dr vault inspect`",
    );
  }
  return history[0] === before ? [] : [{ key, before, now: history[0] }];
}

/**
 * Restores the protection of new objects to the settings. It keeps a longer lock: shortening a lock is what the lock
 * protects against.
 * @returns the differences that it found
 */
export async function protect(
  bucket: VaultBucket,
  lockDays: number,
  { yes = false }: RepairOptions = {},
): Promise<readonly string[]> {
  const found = await bucket.protection();
  if (yes) {
    // Versioning first: S3 accepts a lock only on a versioned bucket.
    if (found.versioning !== "Enabled") await bucket.enableVersioning();
    if (!isLocked(found, lockDays)) await bucket.lockNewObjects(Math.max(lockDays, found.lockDays));
  }
  return flawsOf(found, lockDays);
}

const isLocked = (found: Protection, lockDays: number): boolean =>
  found.lockMode === "COMPLIANCE" && found.lockDays >= lockDays;

const flawsOf = (found: Protection, lockDays: number): string[] => [
  ...(found.versioning === "Enabled" ? [] : [`versioning is ${found.versioning}`]),
  ...(isLocked(found, lockDays)
    ? []
    : [
        `new objects are locked for ${found.lockDays} days (${found.lockMode ?? "no lock"}), not ${lockDays} (COMPLIANCE)`,
      ]),
];
