/** The newest complete backups in a region's vault, its own and the copied ones. It needs no machine. */

import { otherRegion } from "../../settings/contract.js";
import { type RegionId, type RegionStackName, regionIdOf } from "../../settings/stacks.js";
import { type Known, known, unknown } from "../known.js";
import { REGION_ANSWERS_MILLIS, within } from "../within.js";
import type { VaultBucket } from "./bucket.js";
import type { OpenVault } from "./open.js";

export interface Backup {
  /** pgBackRest's label. */
  readonly label: string;
  readonly kind: "full" | "incremental";
  /** ISO 8601. */
  readonly endedAt: string;
}

const LABEL = /^\d{8}-\d{6}F(_(\d{8}-\d{6})[ID])?$/;
/** Skip at most this many backups that are in progress or abandoned. */
const MOST_INCOMPLETE = 5;

/** The start in a label: an incremental backup has its own start after that of its full backup. */
const begin = (label: string): string => LABEL.exec(label)?.[2] ?? label.slice(0, 15);

/** A backup is complete if it has its manifest: pgBackRest writes that last. */
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

/** The newest backups in one vault; null: none yet. */
export interface VaultBackups {
  readonly own: Known<Backup | null>;
  /** Copied here from the other region. */
  readonly copied: Known<Backup | null>;
}

type Open = (stack: RegionStackName) => Promise<OpenVault>;

/** The newest backups in both vaults. Never throws: a status without backups is better than none. */
export async function newestBackups(open: Open): Promise<Readonly<Record<RegionId, VaultBackups>>> {
  const [home, recovery] = await Promise.all([backupsIn("prod", open), backupsIn("dr", open)]);
  return { home, recovery };
}

async function backupsIn(stack: RegionStackName, open: Open): Promise<VaultBackups> {
  try {
    const vault = await within(REGION_ANSWERS_MILLIS, open(stack));
    try {
      const id = regionIdOf(stack);
      const look = async (region: RegionId) =>
        known(await within(REGION_ANSWERS_MILLIS, newestIn(vault.bucket, vault.backups[region])));
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
