/** The newest complete backups in a region's vault, its own and the copy of the other's: no machine is asked. */

import { otherRegion } from "../../settings/contract.js";
import { type RegionId, type RegionStackName, regionIdOf } from "../../settings/stacks.js";
import { type Known, known, unknown } from "../known.js";
import type { VaultBucket } from "./bucket.js";
import type { OpenVault } from "./open.js";

export interface Backup {
  /** As pgBackRest has it. */
  readonly label: string;
  readonly kind: "full" | "incremental";
  /** ISO 8601. */
  readonly endedAt: string;
}

/** A region that is gone must not keep the other one's line waiting. */
const WAIT_MILLIS = 5_000;
const LABEL = /^\d{8}-\d{6}F(_(\d{8}-\d{6})[ID])?$/;
/** Those that are being made or were given up; more of them in a row are no backups worth looking for. */
const MOST_INCOMPLETE = 5;

/** When it began, as labels tell: an incremental one's stands behind its full one's. */
const begin = (label: string): string => LABEL.exec(label)?.[2] ?? label.slice(0, 15);

/** Complete is what has its manifest: pgBackRest writes that last. */
export async function newestIn(
  bucket: Pick<VaultBucket, "folders" | "modifiedAt">,
  folder: string,
): Promise<Backup | null> {
  const labels = (await bucket.folders(folder)).filter((name) => LABEL.test(name));
  const newestFirst = labels.toSorted((a, b) => begin(b).localeCompare(begin(a)));
  for (const label of newestFirst.slice(0, MOST_INCOMPLETE)) {
    const millis = await bucket.modifiedAt(`${folder}${label}/backup.manifest`);
    if (millis === undefined) continue;
    const kind = label.includes("_") ? "incremental" : "full";
    return { label, kind, endedAt: new Date(millis).toISOString() };
  }
  return null;
}

/** What one vault holds; null where there is none yet. */
export interface VaultBackups {
  readonly own: Known<Backup | null>;
  /** Of the other region, as far as it has been copied here. */
  readonly copied: Known<Backup | null>;
}

type Open = (stack: RegionStackName) => Promise<OpenVault>;

/** Of both vaults. Never throws: a status without backups is better than none. */
export async function newestBackups(open: Open): Promise<Readonly<Record<RegionId, VaultBackups>>> {
  const [home, recovery] = await Promise.all([backupsIn("prod", open), backupsIn("dr", open)]);
  return { home, recovery };
}

async function backupsIn(stack: RegionStackName, open: Open): Promise<VaultBackups> {
  try {
    const vault = await within(WAIT_MILLIS, open(stack));
    try {
      const id = regionIdOf(stack);
      const look = async (region: RegionId) =>
        known(await within(WAIT_MILLIS, newestIn(vault.bucket, vault.backups[region])));
      const [own, copied] = await Promise.all([look(id), look(otherRegion(id))]);
      return { own, copied };
    } finally {
      vault.close();
    }
  } catch (error) {
    const why = unknown(`its vault was not read: ${(error as Error).message}`);
    return { own: why, copied: why };
  }
}

async function within<T>(millis: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${millis / 1000} s`)), millis);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
