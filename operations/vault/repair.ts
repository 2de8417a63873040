/**
 * Looks at a vault after somebody may have been at it, and brings back what was there. Nothing here removes a version:
 * what it adds or takes away leaves all content in place, so that each repair can be done again, to another time.
 */
import { UserError } from "../../common/errors.js";
import type { Protection, VaultBucket } from "./bucket.js";
import { currentAt, type Hidden, hiddenSince, type Overwritten, overwrittenSince } from "./history.js";

export interface Inspection {
  readonly protection: Protection;
  /** What keeps the bucket from protecting as settings say; empty when nothing does. */
  readonly flaws: readonly string[];
  readonly hidden: readonly Hidden[];
  readonly overwritten: readonly Overwritten[];
}

/** What is to be done to the bucket, or was. */
export interface RepairOptions {
  /** Whether to do it; else it only says what it would do. */
  readonly yes?: boolean;
}

/** pgBackRest's lists, below which nothing in a repository can be found. It keeps two of each. */
export const isList = (key: string): boolean => /\/(backup|archive)\.info(\.copy)?$/.test(key);

/** @param since milliseconds since 1970: what was hidden or overwritten later is told */
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

/** Takes the delete markers away that were made since, where the content is there below them. @returns what it brings back */
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
 * Puts in front again what was current at a time, as a copy.
 * @param keys of the objects; left out: pgBackRest's lists that were overwritten since
 * @returns those that differ from then
 * @throws UserError for a key that wasn't there at that time; then nothing is done
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
      !history ? "There never was such an object." : before ? "It was hidden then." : "It came later.",
      "name another time, or look with `npx dr vault inspect`",
    );
  }
  return history[0] === before ? [] : [{ key, before, now: history[0] }];
}

/**
 * Has new objects kept again as settings say. A lock that is longer than that stays: shortening one would be what it
 * protects from.
 * @returns what was, or is, wrong
 */
export async function protect(
  bucket: VaultBucket,
  lockDays: number,
  { yes = false }: RepairOptions = {},
): Promise<readonly string[]> {
  const found = await bucket.protection();
  if (yes) {
    // First: S3 takes a lock on a versioned bucket only.
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
