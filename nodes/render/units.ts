/**
 * systemd units of the machines: the same for all settings, so they are part of the images, and user data selects those
 * that a machine runs. The packages contain the units of etcd, HAProxy, Tomcat and what keeps and sends logs; this file adds
 * drop-ins.
 */

import { CUT_OVER_FILE, GUARD_CONFIG_FILE, GUARD_PROGRAM, IMAGE_PATHS, PATRONI_FOLDER } from "../layout.js";
import { BACKUP_UNITS } from "./backup-units.js";
import {
  ASKS_ONLY,
  BECOMES_USER,
  FETCHES,
  IS_PATRONI,
  IS_TOMCAT,
  IS_USER,
  LOADS_RULES,
  MOUNTS,
  ORDERS_UNITS,
  ROTATES_LOGS,
  SETS_RULES,
  WRITES_LOGS,
} from "./hardening.js";
import { METADATA_FILE } from "./metadata.js";
import { NFTABLES_FILE } from "./nftables.js";
import { NODE_ENV_FILE, SECRETS_FILE } from "./node-env.js";
import { AT_BOOT, oneshot, requires, unit } from "./unit.js";

const { scripts, config, patroniBin } = IMAGE_PATHS;

export const VOLUME_UNIT = oneshot(
  "Data volume of this node",
  ["dr-attach-volume", "dr-prepare-data"],
  MOUNTS,
);

export const SECRETS_UNIT = oneshot(
  "Secrets and certificates, in memory",
  ["dr-fetch-secrets", "dr-fetch-certificates"],
  FETCHES,
  // Here, not in the user data: every machine fetches secrets.
  { starts: ["dr-ages.timer"] },
);

/** Tells how long the machine's certificates last, and how old its image is. */
const AGES_UNIT = unit({
  Unit: [["Description", "Publish the age of image and certificates"]],
  Service: [
    ["Type", "oneshot"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["ExecStart", `${scripts}/dr-publish-ages`],
    ["TimeoutStartSec", "1min"],
    ...ASKS_ONLY,
  ],
});

/** More often than the alarms' period, an hour. */
const AGES_TIMER = unit({
  Unit: [["Description", "Publish the age of image and certificates, every ten minutes"]],
  Timer: [
    ["OnActiveSec", "1min"],
    ["OnUnitInactiveSec", "10min"],
  ],
  Install: [["WantedBy", "timers.target"]],
});

const APPLICATION_UNIT = oneshot("The application's WAR", ["dr-fetch-application"], FETCHES);

/**
 * Always restarts within 0.2 s: while the guard is down the kernel's lease continues, and then expires. Loading the rules
 * again neither opens nor closes anything.
 */
const GUARD_UNIT = unit({
  Unit: [
    ["Description", "Guard: leases of this node"],
    ...requires("dr-secrets"),
    ["StartLimitIntervalSec", "0"],
  ],
  Service: [
    ["Type", "simple"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["ExecStartPre", `/usr/sbin/nft -f ${NFTABLES_FILE}`],
    ["ExecStart", `/usr/bin/node ${GUARD_PROGRAM} run ${GUARD_CONFIG_FILE}`],
    ["Restart", "always"],
    ["RestartSec", "200ms"],
    // A heartbeat four times a second must not wait for queries.
    ["Nice", "-10"],
    ["OOMScoreAdjust", "-950"],
    ...SETS_RULES,
  ],
  Install: AT_BOOT,
});

const ETCD_DROP_IN = unit({
  Unit: [...requires("dr-volume", "dr-secrets"), ["StartLimitIntervalSec", "0"]],
  Service: [
    ["Restart", "always"],
    ["RestartSec", "1"],
    ["Nice", "-10"],
    ["OOMScoreAdjust", "-950"],
    ...IS_USER,
  ],
});

/**
 * Runs only with a guard: systemd starts it after the guard and stops it with the guard.
 *
 * Not `BindsTo`, which in systemd 252 (Debian 12) would stop PostgreSQL at each crash of the guard, although the guard is
 * back within 0.2 s. If the guard stays down, the kernel is enough: the lease expires, clients are cut off, and the guard
 * of another node takes over.
 */
const PATRONI_UNIT = unit({
  Unit: [
    ["Description", "Patroni"],
    ["Requires", "dr-volume.service dr-secrets.service dr-guard.service"],
    ["After", "dr-volume.service dr-secrets.service dr-guard.service etcd.service"],
    ["StartLimitIntervalSec", "0"],
    // During a cut-over to restored data: a node that boots in between must not lead.
    ["ConditionPathExists", `!${CUT_OVER_FILE}`],
  ],
  Service: [
    ["Type", "simple"],
    ["User", "postgres"],
    ["Group", "postgres"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["EnvironmentFile", SECRETS_FILE],
    // Seconds for each address of the other region, above all in `pg_basebackup`: without it a lost region would delay a
    // start from the vault by minutes.
    ["Environment", "PGCONNECT_TIMEOUT=3"],
    ["ExecStart", `${patroniBin}/patroni ${PATRONI_FOLDER}`],
    ["ExecReload", "/bin/kill -HUP $MAINPID"],
    // With Patroni's sample unit (`process`) PostgreSQL outlives a killed Patroni, writable and unguarded.
    ["KillMode", "mixed"],
    ["TimeoutStopSec", "30"],
    ["Restart", "always"],
    ["RestartSec", "1"],
    ["LimitNOFILE", "65536"],
    ["OOMScoreAdjust", "-900"],
    ...IS_PATRONI,
  ],
  Install: AT_BOOT,
});

/** Applies databases, owners and parameters from the cluster parameter; does nothing on a node that doesn't lead. */
const RECONCILE_UNIT = unit({
  Unit: [["Description", "Take over the cluster's settings"], ...requires("dr-secrets")],
  Service: [
    ["Type", "oneshot"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["EnvironmentFile", SECRETS_FILE],
    ["ExecStart", `${scripts}/dr-reconcile`],
    ["TimeoutStartSec", "2min"],
    ...ORDERS_UNITS,
  ],
});

const RECONCILE_TIMER = unit({
  Unit: [["Description", "Take over the cluster's settings, every half minute"]],
  Timer: [
    ["OnActiveSec", "30s"],
    ["OnUnitInactiveSec", "30s"],
    ["AccuracySec", "1s"],
  ],
  Install: [["WantedBy", "timers.target"]],
});

/**
 * The guard starts it, with the epoch in a file: it saves writes that only this node has, with Patroni stopped. A separate
 * unit, so that it survives a restart of the guard. It may take as long as recovery and decoding.
 */
const SAVE_DIVERGED_UNIT = unit({
  Unit: [["Description", "Save what no other region has"], ...requires("dr-volume", "dr-secrets")],
  Service: [
    ["Type", "oneshot"],
    ["EnvironmentFile", NODE_ENV_FILE],
    ["EnvironmentFile", SECRETS_FILE],
    ["ExecStart", `${scripts}/dr-save-diverged`],
    ["TimeoutStartSec", "infinity"],
    ...ORDERS_UNITS,
  ],
});

/** Before the network and before any service: no program is earlier than the rules. Only AWS's images enable it. */
const METADATA_UNIT = unit({
  Unit: [
    ["Description", "Instance metadata for the users that need it, and no others"],
    ["DefaultDependencies", "no"],
    ["Wants", "network-pre.target"],
    ["Before", "sysinit.target network-pre.target shutdown.target"],
    ["Conflicts", "shutdown.target"],
  ],
  Service: [
    ["Type", "oneshot"],
    ["RemainAfterExit", "yes"],
    ["ExecStart", `/usr/sbin/nft -f ${METADATA_FILE}`],
    ...LOADS_RULES,
  ],
  Install: [["WantedBy", "sysinit.target"]],
});

/** Its checks need the authority's certificate. */
const HAPROXY_DROP_IN = unit({ Unit: requires("dr-secrets"), Service: BECOMES_USER });

const TOMCAT_DROP_IN = unit({
  Unit: [
    ["Requires", "dr-secrets.service dr-application.service"],
    ["After", "dr-secrets.service dr-application.service haproxy.service"],
    ["StartLimitIntervalSec", "0"],
  ],
  Service: [
    ["EnvironmentFile", SECRETS_FILE],
    ["EnvironmentFile", `${config}/tomcat.env`],
    // The package's unit restarts it only after some kinds of crashes.
    ["Restart", "always"],
    ["RestartSec", "1"],
    ...IS_TOMCAT,
  ],
});

/** These only confine. */
const RSYSLOG_DROP_IN = unit({ Service: WRITES_LOGS });
const LOGROTATE_DROP_IN = unit({ Service: ROTATES_LOGS });
/** Root: it reads the log, which user cwagent may not, and its own folders, which its control program writes as root. */
const CLOUDWATCH_DROP_IN = unit({ Service: FETCHES });

/** File below `/etc/systemd/system` → its text. */
export const UNITS: Readonly<Record<string, string>> = {
  "dr-volume.service": VOLUME_UNIT,
  "dr-secrets.service": SECRETS_UNIT,
  "dr-metadata.service": METADATA_UNIT,
  "dr-ages.service": AGES_UNIT,
  "dr-ages.timer": AGES_TIMER,
  "dr-guard.service": GUARD_UNIT,
  "patroni.service": PATRONI_UNIT,
  "etcd.service.d/dr.conf": ETCD_DROP_IN,
  "dr-reconcile.service": RECONCILE_UNIT,
  "dr-reconcile.timer": RECONCILE_TIMER,
  "dr-save-diverged.service": SAVE_DIVERGED_UNIT,
  ...BACKUP_UNITS,
  "dr-application.service": APPLICATION_UNIT,
  "haproxy.service.d/dr.conf": HAPROXY_DROP_IN,
  "tomcat10.service.d/dr.conf": TOMCAT_DROP_IN,
  "rsyslog.service.d/dr.conf": RSYSLOG_DROP_IN,
  "logrotate.service.d/dr.conf": LOGROTATE_DROP_IN,
  "amazon-cloudwatch-agent.service.d/dr.conf": CLOUDWATCH_DROP_IN,
};
