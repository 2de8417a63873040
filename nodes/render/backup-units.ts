/** Units of the backups, and of the machine that tests restoring them. */

import { IMAGE_PATHS } from "../layout.js";
import { ASKS_ONLY, IS_USER, MOUNTS, RUNS_AS_POSTGRES } from "./hardening.js";
import { NODE_ENV_FILE, SECRETS_FILE } from "./node-env.js";
import { AT_BOOT, oneshot, requires, type Section, unit } from "./unit.js";

const { scripts } = IMAGE_PATHS;

/** Work for the backups leaves processor and disk to queries. */
const BESIDE_THE_DATABASE: Section = [
  ["Nice", "10"],
  ["IOSchedulingClass", "idle"],
];

/** Serves the voter that makes a backup: reports the backup's begin and end on the leader, and sends the leader's own files. */
const BACKUP_SERVER_UNIT = unit({
  Unit: [
    ["Description", "pgBackRest's server for backups that another node makes"],
    ...requires("dr-volume", "dr-secrets"),
    ["StartLimitIntervalSec", "0"],
  ],
  Service: [
    ["Type", "simple"],
    ["User", "postgres"],
    ["Group", "postgres"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["EnvironmentFile", SECRETS_FILE],
    ["ExecStart", "/usr/bin/pgbackrest server"],
    ["Restart", "always"],
    ["RestartSec", "1"],
    ...BESIDE_THE_DATABASE,
    ...IS_USER,
  ],
  Install: AT_BOOT,
});

/** May take hours. dr-backup decides what is due; the timer only starts it, on every voter. */
const BACKUP_UNIT = unit({
  Unit: [["Description", "Make the backup that is due"], ...requires("dr-volume", "dr-secrets")],
  Service: [
    ["Type", "oneshot"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["EnvironmentFile", SECRETS_FILE],
    ["ExecStart", `${scripts}/dr-backup`],
    ["TimeoutStartSec", "infinity"],
    ...BESIDE_THE_DATABASE,
    ...RUNS_AS_POSTGRES,
  ],
});

/** With jitter: otherwise all voters would query the vault at the same moment, and all installations S3. */
const BACKUP_TIMER = unit({
  Unit: [["Description", "Ask every minute what backup is due"]],
  Timer: [
    ["OnActiveSec", "1min"],
    ["OnUnitInactiveSec", "1min"],
    ["RandomizedDelaySec", "20s"],
    ["AccuracySec", "1s"],
  ],
  Install: [["WantedBy", "timers.target"]],
});

/**
 * Repeats the check: how often is a setting, which no unit of the image could contain. Runs with the database's priority,
 * because an alarm must not starve beside it, and needs little.
 */
const CHECK_VAULT_UNIT = unit({
  Unit: [
    ["Description", "Look at the vault as a restore would, twice within an archive timeout"],
    ...requires("dr-volume", "dr-secrets"),
    ["StartLimitIntervalSec", "0"],
  ],
  Service: [
    ["Type", "simple"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["EnvironmentFile", SECRETS_FILE],
    ["ExecStart", `${scripts}/dr-check-vault --watch`],
    ["Restart", "always"],
    ["RestartSec", "10"],
    ...RUNS_AS_POSTGRES,
  ],
  Install: AT_BOOT,
});

const SCRATCH_UNIT = oneshot("Empty volume to restore into", ["dr-attach-scratch"], MOUNTS);

/** Without a time limit: the test itself checks the limit in the settings. */
const RESTORE_TEST_UNIT = unit({
  Unit: [
    ["Description", "Restore the newest backup, check it, report"],
    ...requires("dr-scratch", "dr-secrets"),
  ],
  Service: [
    ["Type", "oneshot"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["EnvironmentFile", SECRETS_FILE],
    ["ExecStart", `${scripts}/dr-restore-test`],
    ["TimeoutStartSec", "infinity"],
    ...RUNS_AS_POSTGRES,
  ],
  Install: AT_BOOT,
});

/** Runs after the test, whatever its result, even if it could not begin. An operator who works on the machine creates that file. */
const RESTORE_DONE_UNIT = unit({
  Unit: [
    ["Description", "End this machine"],
    ["After", "dr-scratch.service dr-secrets.service dr-restore-test.service"],
    ["ConditionPathExists", `!${IMAGE_PATHS.run}/keep`],
  ],
  Service: [
    ["Type", "oneshot"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["ExecStart", `${scripts}/dr-end-machine`],
    ["TimeoutStartSec", "10min"],
    ...ASKS_ONLY,
  ],
  Install: AT_BOOT,
});

/** File below `/etc/systemd/system` → its text. */
export const BACKUP_UNITS: Readonly<Record<string, string>> = {
  "dr-backup-server.service": BACKUP_SERVER_UNIT,
  "dr-backup.service": BACKUP_UNIT,
  "dr-backup.timer": BACKUP_TIMER,
  "dr-check-vault.service": CHECK_VAULT_UNIT,
  "dr-scratch.service": SCRATCH_UNIT,
  "dr-restore-test.service": RESTORE_TEST_UNIT,
  "dr-restore-done.service": RESTORE_DONE_UNIT,
};
