/** /etc/dr/backup.json: the configuration of dr-backup and dr-check-vault. */
import type { SharedSettings } from "../../settings/schema.js";
import { IMAGE_PATHS } from "../layout.js";

export const BACKUP_CONFIG_FILE = `${IMAGE_PATHS.config}/backup.json`;

/** dr-backup, in Python, reads it too. */
export interface BackupConfig {
  readonly fullHourUtc: number;
  readonly incrementalMinutes: number;
  /** 0: none. */
  readonly dumpDays: number;
  readonly verifyDays: number;
  readonly lockDays: number;
  readonly archiveTimeoutSeconds: number;
  /** 0: none. */
  readonly restoreTestHours: number;
}

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
  } satisfies BackupConfig)}\n`;
