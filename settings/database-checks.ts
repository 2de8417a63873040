/** Checks of `database` and `databases` that need to know what PostgreSQL, Patroni and this project do with them. */

import type { Check } from "./check.js";
import { ALTERNATE_SUFFIX, DATABASE_LOGINS, SESSION_GROUP } from "./contract.js";
import { instanceSize, KNOWN_FAMILIES } from "./instance-size.js";
import { ownedParameter, slotWalKeepMib } from "./postgres-parameters.js";
import type { SharedSettings } from "./schema.js";

/** PostgreSQL's own databases, and words that mean something else in pg_hba. */
const RESERVED_DATABASES: readonly string[] = [
  ...["postgres", "template0", "template1"],
  ...["all", "sameuser", "samerole", "samegroup", "replication"],
];
const { superuser, replication, rewind } = DATABASE_LOGINS;
const RESERVED_OWNERS: readonly string[] = [
  ...[superuser, replication, rewind, SESSION_GROUP],
  ...["all", "public", "none"],
];

/** PostgreSQL cuts longer names. */
const MOST_OWNER = 63 - ALTERNATE_SUFFIX.length;

const instanceIsKnown: Check<SharedSettings> = ({ database: { instanceType } }) =>
  instanceSize(instanceType)
    ? []
    : [
        {
          key: "database.instanceType",
          value: instanceType,
          reason: "is a type whose memory isn't known here, so that PostgreSQL can't be sized for it",
          remedy: `use a size of ${KNOWN_FAMILIES}`,
        },
      ];

const parametersAreFree: Check<SharedSettings> = ({ database: { parameters } }) =>
  Object.entries(parameters).flatMap(([name, value]) => {
    const reason = ownedParameter(name);
    return reason
      ? [{ key: `database.parameters.${name}`, value, reason, remedy: REMEDIES[name] ?? "take it out" }]
      : [];
  });

/** Where a setting of this project says the same. */
const REMEDIES: Readonly<Record<string, string>> = {
  archive_timeout: "set backup.archiveTimeoutSeconds",
  max_slot_wal_keep_size: "set database.maxSlotWalKeepMib",
};

const slotsLeaveRoom: Check<SharedSettings> = ({ database }) => {
  const most = Math.floor((database.volumeGib * 1024) / 2);
  return slotWalKeepMib({ database }) <= most
    ? []
    : [
        {
          key: "database.maxSlotWalKeepMib",
          value: database.maxSlotWalKeepMib,
          reason: `is more than half of the volume (database.volumeGib is ${database.volumeGib}); a lost region's WAL could fill the disk`,
          remedy: `set at most ${most}`,
        },
      ];
};

const databasesDiffer: Check<SharedSettings> = ({ databases }) =>
  databases.flatMap(({ name }, i) =>
    databases.findIndex((other) => other.name === name) === i
      ? []
      : [
          {
            key: `databases.${i}.name`,
            value: name,
            reason: "is listed twice",
            remedy: "keep one; a database has one owner",
          },
        ],
  );

const namesAreFree: Check<SharedSettings> = ({ databases }) =>
  databases.flatMap(({ name, owner }, i) => [
    ...(RESERVED_DATABASES.includes(name)
      ? [
          {
            key: `databases.${i}.name`,
            value: name,
            reason: "has a special meaning in PostgreSQL",
            remedy: "use another name",
          },
        ]
      : []),
    ...(RESERVED_OWNERS.includes(owner) || owner.startsWith("pg_")
      ? [
          {
            key: `databases.${i}.owner`,
            value: owner,
            reason: "is a login that PostgreSQL or the cluster itself uses",
            remedy: "use another name",
          },
        ]
      : []),
    ...(owner.endsWith(ALTERNATE_SUFFIX) || owner.length > MOST_OWNER
      ? [
          {
            key: `databases.${i}.owner`,
            value: owner,
            reason: `leaves no name for its second login, which ends in ${ALTERNATE_SUFFIX} and has at most 63 characters`,
            remedy: `use a name of at most ${MOST_OWNER} characters that doesn't end so`,
          },
        ]
      : []),
  ]);

export const DATABASE_CHECKS: readonly Check<SharedSettings>[] = [
  instanceIsKnown,
  parametersAreFree,
  slotsLeaveRoom,
  databasesDiffer,
  namesAreFree,
];
