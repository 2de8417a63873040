/** When AWS Backup works, as the cron expressions it takes; it takes no others. No Pulumi here. */

/** After the day's full backup of pgBackRest, which reads the same volumes. */
const HOURS_AFTER_THE_FULL = 4;
const HOURS_AFTER_THE_BACKUP = 3;

/** Daily. */
export const volumeBackupCron = (fullHourUtc: number): string =>
  `cron(0 ${(fullHourUtc + HOURS_AFTER_THE_FULL) % 24} * * ? *)`;

/**
 * Every so many days, begun anew with each month; from four weeks on, every so many months.
 * @param hourUtc default: three hours after what is backed up by the default of `backup.fullHourUtc`.
 */
export function restoreTestCron(
  everyDays: number,
  hourUtc = 1 + HOURS_AFTER_THE_FULL + HOURS_AFTER_THE_BACKUP,
): string {
  if (everyDays === 1) return `cron(0 ${hourUtc} * * ? *)`;
  if (everyDays < 28) return `cron(0 ${hourUtc} 1/${everyDays} * ? *)`;
  const months = Math.max(1, Math.round(everyDays / 30));
  return `cron(0 ${hourUtc} 1 ${months === 1 ? "*" : `1/${months}`} ? *)`;
}
