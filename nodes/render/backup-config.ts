/** /etc/dr/backup.json: the configuration of dr-backup and dr-check-vault. Both must match its shape. */
import type { SharedSettings } from "../../settings/schema.js";
import { IMAGE_PATHS } from "../layout.js";

export const BACKUP_CONFIG_FILE = `${IMAGE_PATHS.config}/backup.json`;

export const renderBackupConfig = ({
  backup,
  restoreTest,
}: Pick<SharedSettings, "backup" | "restoreTest">): string =>
  `${JSON.stringify({
    fullHourUtc: backup.fullHourUtc,
    incrementalMinutes: backup.incrementalMinutes,
    dumpDays: backup.dumpDays,
    verifyDays: backup.verifyDays,
    lockDays: backup.lockDays,
    archiveTimeoutSeconds: backup.archiveTimeoutSeconds,
    restoreTestHours: restoreTest.everyHours,
  })}\n`;
