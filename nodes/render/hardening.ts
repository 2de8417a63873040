/**
 * What systemd takes from a unit's processes beyond their user. A directive is here only if no program of the unit can need
 * what it forbids; the comments say which directive a unit must not have, and why.
 *
 * No unit has `MemoryDenyWriteExecute` (Node and PostgreSQL's JIT write code) or `RemoveIPC` (it would delete the shared
 * memory of user postgres, which several units run as).
 */
import type { Section } from "./unit.js";

/** `SystemCallFilter=@system-service` answers EPERM to other calls, so a program can report what it lacked. */
const CALLS = (...more: readonly string[]): Section => [
  ["SystemCallArchitectures", "native"],
  ["SystemCallFilter", ["@system-service", ...more].join(" ")],
  ["SystemCallErrorNumber", "EPERM"],
];

/** Without a mount namespace of the unit's own: a volume that the unit mounts appears for the whole machine. */
const MOUNTS_STAY: Section = [
  ["NoNewPrivileges", "yes"],
  ["LockPersonality", "yes"],
  ["ProtectHostname", "yes"],
  // Netlink: the guard's rules, and the C library's list of addresses.
  ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
  ["RestrictNamespaces", "yes"],
  ["RestrictRealtime", "yes"],
  ["RestrictSUIDSGID", "yes"],
];

/** With a mount namespace. */
const OWN_MOUNTS: Section = [
  ...MOUNTS_STAY,
  ...CALLS(),
  ["PrivateTmp", "yes"],
  ["ProtectControlGroups", "yes"],
  ["ProtectHome", "yes"],
  // The kernel itself still loads what a rule or a file system needs.
  ["ProtectKernelModules", "yes"],
  ["ProtectKernelTunables", "yes"],
];

/** `full`, not `strict`: a list of the folders that a unit writes to would be one more to maintain. */
const SYSTEM_STAYS: Section = [["ProtectSystem", "full"]];

const NO_KERNEL_LOGS: Section = [["ProtectKernelLogs", "yes"]];

const CONFINED: Section = [...OWN_MOUNTS, ...NO_KERNEL_LOGS, ...SYSTEM_STAYS];

/** For a unit that needs no device. Shared memory stays. */
const NO_DEVICES: Section = [
  ["PrivateDevices", "yes"],
  ["ProtectClock", "yes"],
];

/** Capabilities that a unit of root keeps; none for the others, and none can return. */
const keeps = (...capabilities: readonly string[]): Section => [
  ["CapabilityBoundingSet", capabilities.map((name) => `CAP_${name}`).join(" ")],
];

/** Files of other users, and giving files away. */
const FILES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"] as const;
/**
 * To run programs as user postgres, and to end them. SYS_PTRACE: to see whose data a process uses. AUDIT_WRITE: runuser's
 * PAM fails without it.
 */
const AS_POSTGRES = [...FILES, "SETUID", "SETGID", "KILL", "SYS_PTRACE", "AUDIT_WRITE"] as const;
/** For systemctl: systemd asks for this capability first, and for root's user id only on a bus that names no capabilities. */
const SYSTEMCTL = "SYS_ADMIN";

/** Writes files as root, for root and for others. */
export const FETCHES: Section = [...CONFINED, ...NO_DEVICES, ...keeps(...FILES)];

/** Calls AWS, and writes nothing. */
export const ASKS_ONLY: Section = [...CONFINED, ...NO_DEVICES, ...keeps()];

/** Runs psql, pgBackRest or a server as user postgres. */
export const RUNS_AS_POSTGRES: Section = [...CONFINED, ...NO_DEVICES, ...keeps(...AS_POSTGRES)];

/** The same, and starts or stops other units. */
export const ORDERS_UNITS: Section = [...CONFINED, ...NO_DEVICES, ...keeps(...AS_POSTGRES, SYSTEMCTL)];

/** The same, and sets the kernel's rules. */
export const SETS_RULES: Section = [
  ...CONFINED,
  ...NO_DEVICES,
  ...keeps(...AS_POSTGRES, SYSTEMCTL, "NET_ADMIN"),
];

/** Loads the kernel's rules, and runs nothing else. */
export const LOADS_RULES: Section = [...CONFINED, ...NO_DEVICES, ...keeps("NET_ADMIN")];

/** A service that systemd starts as its own user, not as root. */
export const IS_USER: Section = [...CONFINED, ...NO_DEVICES, ...keeps()];

/** Patroni: not `PrivateDevices`, because of its watchdog, nor `ProtectClock`, which closes all devices that aren't listed. */
export const IS_PATRONI: Section = [...CONFINED, ...keeps()];

/**
 * Makes a file system and mounts it: every directive of CONFINED that is missing here would hide the mount from the other
 * units, and `ProtectClock` the volume's device from this one.
 */
export const MOUNTS: Section = [
  ...MOUNTS_STAY,
  ...CALLS("@mount"),
  ...keeps(...FILES, "SYS_ADMIN"),
  ["UMask", "0077"],
];

/**
 * HAProxy starts as root and becomes its own user. Its master process stays root: it makes its socket in that user's folder,
 * and ends the old worker at a reload. Without `SYS_CHROOT`, because `haproxy.cfg` has no `chroot`.
 */
export const BECOMES_USER: Section = [
  ...CONFINED,
  ...NO_DEVICES,
  ...keeps("DAC_OVERRIDE", "KILL", "SETGID", "SETUID"),
];

/**
 * Tomcat: its package has a stricter `ProtectSystem` with the folders that it writes to, and lets it open ports below 1024,
 * which it doesn't here. A service can't start with an ambient capability that the bounding set lacks.
 */
export const IS_TOMCAT: Section = [
  ...OWN_MOUNTS,
  ...NO_KERNEL_LOGS,
  ...NO_DEVICES,
  ["AmbientCapabilities", ""],
  ...keeps(),
];

/** rsyslog: reads the kernel's log, and gives its files to group adm. */
export const WRITES_LOGS: Section = [
  ...OWN_MOUNTS,
  ...SYSTEM_STAYS,
  ...NO_DEVICES,
  ...keeps(...FILES, "SYSLOG"),
];

/** logrotate: acts as a log's owner where the owner's folder asks for it (`su`), and has rsyslog open its files again. */
export const ROTATES_LOGS: Section = [
  ...CONFINED,
  ...NO_DEVICES,
  ...keeps(...FILES, "KILL", "SETGID", "SETUID"),
];
