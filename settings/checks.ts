/**
 * Checks that need more than one setting. Each returns what is wrong; none throws, so that the user
 * hears of everything at once.
 */

import type { Problem } from "../common/errors.js";
import type { Check } from "./check.js";
import { NODE_TAG } from "./contract.js";
import { DATABASE_CHECKS } from "./database-checks.js";
import { FAILOVER_CHECKS } from "./failover-checks.js";
import { PROMOTION_CHECKS } from "./promotion-checks.js";
import { type SharedSettings, STRONG_CONSISTENCY_REGION_SETS } from "./schema.js";

const no: Problem[] = [];

const regionsDiffer: Check<SharedSettings> = ({ regions }) => {
  const names = Object.entries(regions);
  return names.flatMap(([role, region], i) => {
    const twin = names.slice(0, i).find(([, other]) => other === region);
    return twin
      ? [
          {
            key: `regions.${role}`,
            value: region,
            reason: `is also regions.${twin[0]}; losing one region would then lose two roles`,
            remedy: "name three different regions",
          },
        ]
      : no;
  });
};

const regionsShareASet: Check<SharedSettings> = ({ regions }) => {
  const sets: readonly (readonly string[])[] = STRONG_CONSISTENCY_REGION_SETS;
  const home = sets.find((set) => set.includes(regions.home)) ?? [];
  return (["recovery", "witness"] as const)
    .filter((role) => !home.includes(regions[role]))
    .map((role) => ({
      key: `regions.${role}`,
      value: regions[role],
      reason: `is outside the set of regions that can share a strongly consistent table with ${regions.home}`,
      remedy: `use one of ${home.join(", ")}`,
    }));
};

const votersAreOdd: Check<SharedSettings> = ({ database: { voters } }) =>
  voters === 3 || voters === 5
    ? no
    : [
        {
          key: "database.voters",
          value: voters,
          reason:
            voters % 2 === 0
              ? "an even number tolerates no more failures than one node less, and can split in half"
              : "only 3 or 5 voters survive the loss of one of three zones at a sensible cost",
          remedy: "set 3 (one zone may fail) or 5 (two nodes may fail)",
        },
      ];

/**
 * What EBS asks of a gp3 volume beyond the bounds of each number.
 * Source: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html#gp3-performance
 */
const GP3 = { iopsPerGib: 500, mibpsPerIops: 0.25 } as const;

const volumeIsAGp3: Check<SharedSettings> = ({ database }) => {
  const { volumeGib, volumeIops, volumeThroughputMibps } = database;
  const problems: Problem[] = [];
  if (volumeIops > GP3.iopsPerGib * volumeGib) {
    problems.push({
      key: "database.volumeIops",
      value: volumeIops,
      reason: `EBS gives a gp3 volume at most ${GP3.iopsPerGib} IOPS per GiB, and database.volumeGib is ${volumeGib}`,
      remedy: `set at most ${GP3.iopsPerGib * volumeGib}, or volumeGib to at least ${Math.ceil(volumeIops / GP3.iopsPerGib)}`,
    });
  }
  if (volumeThroughputMibps > GP3.mibpsPerIops * volumeIops) {
    problems.push({
      key: "database.volumeThroughputMibps",
      value: volumeThroughputMibps,
      reason: `EBS gives a gp3 volume at most ${GP3.mibpsPerIops} MiB/s per IOPS, and database.volumeIops is ${volumeIops}`,
      remedy: `set at most ${Math.floor(GP3.mibpsPerIops * volumeIops)}, or volumeIops to at least ${Math.ceil(volumeThroughputMibps / GP3.mibpsPerIops)}`,
    });
  }
  return problems;
};

/** Tags that the program sets itself. Policies and scripts rely on them. */
const OWN_TAGS: readonly string[] = ["project", "managed-by", "Name", "tier", NODE_TAG];
/** S3 takes ten tags on an object; two are `project` and `managed-by`. */
const MOST_TAGS = 8;

const tagsLeaveRoom: Check<SharedSettings> = ({ tags }) => {
  const names = Object.keys(tags);
  const problems: Problem[] = names
    .filter((name) => OWN_TAGS.includes(name))
    .map((name) => ({
      key: `tags.${name}`,
      value: tags[name],
      reason: "is a tag that the program sets itself, and that its policies rely on",
      remedy: "use another name",
    }));
  if (names.length > MOST_TAGS) {
    problems.push({
      key: "tags",
      value: names.length,
      reason: `are more than ${MOST_TAGS}; with the project's own, an object in S3 takes no more`,
      remedy: `keep ${MOST_TAGS}`,
    });
  }
  return problems;
};

const cidrsDiffer: Check<SharedSettings> = ({ network: { homeCidr, recoveryCidr } }) =>
  // Both are /16 by the schema, so they overlap exactly when they are equal.
  homeCidr !== recoveryCidr
    ? no
    : [
        {
          key: "network.recoveryCidr",
          value: recoveryCidr,
          reason: "overlaps network.homeCidr; overlapping networks can't be peered",
          remedy: "give each region its own /16",
        },
      ];

const retentionCoversLock: Check<SharedSettings> = (settings) =>
  (["backup", "audit"] as const)
    .filter((part) => settings[part].retentionDays < settings[part].lockDays)
    .map((part) => ({
      key: `${part}.retentionDays`,
      value: settings[part].retentionDays,
      reason: `is below ${part}.lockDays (${settings[part].lockDays}); locked objects can't expire earlier`,
      remedy: `set at least ${settings[part].lockDays}, or lower ${part}.lockDays before the first deployment`,
    }));

const rpoCoversArchive: Check<SharedSettings> = ({ objectives, backup }) =>
  objectives.rpoSeconds >= backup.archiveTimeoutSeconds
    ? no
    : [
        {
          key: "objectives.rpoSeconds",
          value: objectives.rpoSeconds,
          reason: `is below backup.archiveTimeoutSeconds (${backup.archiveTimeoutSeconds}); a restore from the vault could not meet it`,
          remedy: `set at least ${backup.archiveTimeoutSeconds}, or archive more often`,
        },
      ];

/** A backup that is due every so often must come before the alarm. */
const backupsComeBeforeTheirAlarm: Check<SharedSettings> = ({ backup }) =>
  backup.maxAgeHours * 60 > backup.incrementalMinutes
    ? no
    : [
        {
          key: "backup.maxAgeHours",
          value: backup.maxAgeHours,
          reason: `is not above backup.incrementalMinutes (${backup.incrementalMinutes}); the alarm would ring between two backups`,
          remedy: `set at least ${Math.floor(backup.incrementalMinutes / 60) + 1}, or back up more often`,
        },
      ];

/** `expire` ends a full backup once the next is as old as the retention: a dump or a full must come within it. */
const dumpsComeWithinTheRetention: Check<SharedSettings> = ({ backup }) =>
  backup.dumpDays <= backup.retentionDays
    ? no
    : [
        {
          key: "backup.dumpDays",
          value: backup.dumpDays,
          reason: `is above backup.retentionDays (${backup.retentionDays}); there would be days without any dump`,
          remedy: `set at most ${backup.retentionDays}`,
        },
      ];

const restoreChecksNameDatabases: Check<SharedSettings> = ({ restoreTest, databases }) =>
  restoreTest.checks.flatMap(({ database }, i) =>
    databases.some(({ name }) => name === database)
      ? no
      : [
          {
            key: `restoreTest.checks.${i}.database`,
            value: database,
            reason: "is not one of `databases`",
            remedy: `use one of ${databases.map(({ name }) => name).join(", ")}`,
          },
        ],
  );

const restoreTestsEndBeforeTheNext: Check<SharedSettings> = ({ restoreTest: { everyHours, maxSeconds } }) =>
  everyHours === 0 || maxSeconds < 3600 * everyHours
    ? no
    : [
        {
          key: "restoreTest.maxSeconds",
          value: maxSeconds,
          reason: `is not below restoreTest.everyHours (${everyHours} h); a test could still run when the next is due, which would then be skipped`,
          remedy: `set less than ${3600 * everyHours}, or test less often`,
        },
      ];

const copyIsElsewhere: Check<SharedSettings> = ({ accountId, backup: { copyTo } }) => {
  if (!copyTo) return no;
  if (copyTo.accountId === accountId)
    return [
      {
        key: "backup.copyTo.accountId",
        value: copyTo.accountId,
        reason: "is this account; an attacker who takes it over would have all copies",
        remedy: "name another account, or leave backup.copyTo out",
      },
    ];
  // The other account's stack runs with that account's credentials, so it can't ask AWS which account it admits.
  if (accountId === undefined)
    return [
      {
        key: "accountId",
        value: accountId,
        reason: "is required with backup.copyTo; the other account admits the roles of this account only",
        remedy: "set accountId to the id of the account that has the vaults",
      },
    ];
  return no;
};

const fleetSizesAreOrdered: Check<SharedSettings> = ({ fleet }) => {
  const problems: Problem[] = [];
  if (fleet.fullSize < fleet.minSize) {
    problems.push({
      key: "fleet.fullSize",
      value: fleet.fullSize,
      reason: `is below fleet.minSize (${fleet.minSize}); a promotion would shrink the fleet`,
      remedy: `set at least ${fleet.minSize}`,
    });
  }
  if (fleet.maxSize < fleet.fullSize) {
    problems.push({
      key: "fleet.maxSize",
      value: fleet.maxSize,
      reason: `is below fleet.fullSize (${fleet.fullSize})`,
      remedy: `set at least ${fleet.fullSize}`,
    });
  }
  return problems;
};

const someonePages: Check<SharedSettings> = ({ contacts }) =>
  contacts.some(({ severity }) => severity === "page")
    ? no
    : [
        {
          key: "contacts",
          value: contacts.map(({ endpoint }) => endpoint),
          reason: "include none with the severity 'page', so a lost region would page no operator",
          remedy: "add a contact with severity: page",
        },
      ];

const contactsFitTheirProtocol: Check<SharedSettings> = ({ contacts }) => {
  const shape = { email: /^[^@\s]+@[^@\s]+\.[^@\s]+$/, https: /^https:\/\/\S+$/, sms: /^\+\d{7,15}$/ };
  const example = { email: "oncall@example.com", https: "https://…", sms: "+491701234567" };
  return contacts.flatMap(({ protocol, endpoint }, i) =>
    shape[protocol].test(endpoint)
      ? no
      : [
          {
            key: `contacts.${i}.endpoint`,
            value: endpoint,
            reason: `is not an address for protocol ${protocol}`,
            remedy: `write it like ${example[protocol]}`,
          },
        ],
  );
};

/** Debian's mirrors and PyPI are on the internet. */
const buildsReachMirrors: Check<SharedSettings> = ({ images, network }) =>
  images.build && network.egress === "endpoints"
    ? [
        {
          key: "images.build",
          value: true,
          reason: "an image is built from Debian's packages and PyPI, and network.egress is `endpoints`",
          remedy:
            "set network.egress to `nat`, or build images elsewhere and name them in images.home and .recovery",
        },
      ]
    : no;

export const SHARED_CHECKS: readonly Check<SharedSettings>[] = [
  regionsDiffer,
  regionsShareASet,
  votersAreOdd,
  volumeIsAGp3,
  cidrsDiffer,
  retentionCoversLock,
  rpoCoversArchive,
  backupsComeBeforeTheirAlarm,
  dumpsComeWithinTheRetention,
  restoreChecksNameDatabases,
  restoreTestsEndBeforeTheNext,
  copyIsElsewhere,
  fleetSizesAreOrdered,
  someonePages,
  contactsFitTheirProtocol,
  tagsLeaveRoom,
  buildsReachMirrors,
  ...DATABASE_CHECKS,
  ...FAILOVER_CHECKS,
  ...PROMOTION_CHECKS,
];
