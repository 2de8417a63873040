/** When AWS Backup works, as the cron expressions it takes; it takes no others. No Pulumi here. */

/** After the day's full backup of pgBackRest, which reads the same volumes. */
const HOURS_AFTER_THE_FULL = 4;
const HOURS_AFTER_THE_BACKUP = 3;

const backupHourUtc = (fullHourUtc: number): number => (fullHourUtc + HOURS_AFTER_THE_FULL) % 24;

/** Daily. */
export const volumeBackupCron = (fullHourUtc: number): string =>
  `cron(0 ${backupHourUtc(fullHourUtc)} * * ? *)`;

/**
 * Three hours after a volume backup. Every `everyDays` days, counted from the first of each month; from four weeks on,
 * every so many months.
 */
export function restoreTestCron(everyDays: number, fullHourUtc: number): string {
  const hourUtc = (backupHourUtc(fullHourUtc) + HOURS_AFTER_THE_BACKUP) % 24;
  if (everyDays === 1) return `cron(0 ${hourUtc} * * ? *)`;
  if (everyDays < 28) return `cron(0 ${hourUtc} 1/${everyDays} * ? *)`;
  const months = Math.max(1, Math.round(everyDays / 30));
  return `cron(0 ${hourUtc} 1 ${months === 1 ? "*" : `1/${months}`} ? *)`;
}
