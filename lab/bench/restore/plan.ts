/** What is measured side by side: copies, backups and restores of one data directory. */

/** Where pgBackRest stores: `repo<number>` of the configuration. */
export interface Repository {
  readonly number: 1 | 2 | 3;
  readonly name: "s3" | "local" | "plain";
  readonly title: string;
}

export const REPOSITORIES = {
  s3: { number: 1, name: "s3", title: "S3 (emulated), encrypted" },
  local: { number: 2, name: "local", title: "local, encrypted" },
  plain: { number: 3, name: "plain", title: "local, not encrypted" },
} as const satisfies Record<string, Repository>;

export type MethodKind = "copy" | "base backup" | "backup" | "restore";

export interface Method {
  readonly name: string;
  readonly title: string;
  readonly kind: MethodKind;
  /** pgBackRest's own. */
  readonly repository?: Repository;
  readonly processes?: number;
}

const byPgbackrest = (kind: "backup" | "restore"): Method[] =>
  [
    [REPOSITORIES.plain, 1],
    [REPOSITORIES.plain, 2],
    [REPOSITORIES.local, 1],
    [REPOSITORIES.local, 2],
    // Only as this project sets it: how fast the emulator is says little of anything else.
    [REPOSITORIES.s3, 2],
  ].map((pair) => {
    const [repository, processes] = pair as [Repository, number];
    return {
      name: `${kind}-${repository.name}-${processes}`,
      title: `${repository.title}, process-max ${processes}`,
      ...{ kind, repository, processes },
    };
  });

/** What all others are compared with. */
export const YARDSTICK = "copy";

export const METHODS: readonly Method[] = [
  { name: YARDSTICK, title: "plain copy (cp -a) of the stopped directory", kind: "copy" },
  { name: "base-backup", title: "pg_basebackup into a folder", kind: "base backup" },
  ...byPgbackrest("backup"),
  ...byPgbackrest("restore"),
];

/** Repositories from which the log is replayed: this project's own kind, and the one without the emulator. */
export const REPLAYED = [REPOSITORIES.local, REPOSITORIES.s3] as const;
