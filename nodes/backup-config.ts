/** /etc/dr/backup.json: what dr-backup and dr-check-vault are told. Both keep the shape of it in step with this. */
import type { SharedSettings } from "../settings/schema.js";
import type { RegionContract } from "../stacks/contract.js";
import { IMAGE_PATHS } from "./layout.js";

export const BACKUP_CONFIG_FILE = `${IMAGE_PATHS.config}/backup.json`;

/** Drop-in of dr-check-vault's timer: how often it looks is a setting, and units are the image's. */
export const CHECK_VAULT_TIMER_FILE = "/etc/systemd/system/dr-check-vault.timer.d/settings.conf";

export const renderBackupConfig = (
  { backup, restoreTest }: Pick<SharedSettings, "backup" | "restoreTest">,
  { vaultBucket, repositoryPath }: RegionContract,
): string =>
  `${JSON.stringify({
    bucket: vaultBucket,
    repositoryPath,
    fullHourUtc: backup.fullHourUtc,
    incrementalMinutes: backup.incrementalMinutes,
    dumpDays: backup.dumpDays,
    verifyDays: backup.verifyDays,
    lockDays: backup.lockDays,
    archiveTimeoutSeconds: backup.archiveTimeoutSeconds,
    restoreTestHours: restoreTest.everyHours,
  })}\n`;

/** Twice within an archive timeout, so that a hole in the archive is known within one. */
export const renderCheckVaultTimer = ({ backup }: Pick<SharedSettings, "backup">): string =>
  `[Timer]\n# An empty one clears all of them.\nOnUnitInactiveSec=\nOnActiveSec=20s\nOnUnitInactiveSec=${Math.ceil(backup.archiveTimeoutSeconds / 2)}s\n`;
