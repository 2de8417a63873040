/** The methods as commands, and what comes before and after, which isn't counted. */
import { type Ground, PATHS } from "./ground.js";
import { type Method, REPOSITORIES } from "./plan.js";

/** Fills pgbench's tables. Text in place of its blanks, which any compression reduces to nothing: with it, to a fourth or so. */
export async function fill(ground: Ground, scale: number): Promise<void> {
  const { client, database } = ground;
  // Nothing is lost if this crashes but the filling.
  await ground.start({
    archive_mode: "off",
    wal_level: "minimal",
    max_wal_senders: 0,
    fsync: false,
    full_page_writes: false,
  });
  await ground.as(`pgbench -q -i -I dt -s ${scale} ${client} ${database} 2>&1`);
  await ground.sql(
    [
      // In the same transaction, so that what follows needs no log.
      "TRUNCATE pgbench_branches, pgbench_tellers, pgbench_accounts",
      `INSERT INTO pgbench_branches SELECT n, 0 FROM generate_series(1, ${scale}) n`,
      `INSERT INTO pgbench_tellers SELECT n, (n - 1) / 10 + 1, 0 FROM generate_series(1, ${10 * scale}) n`,
      `INSERT INTO pgbench_accounts SELECT n, (n - 1) / 100000 + 1, 0, md5(n::text) FROM generate_series(1, ${100_000 * scale}) n`,
    ].join("; "),
  );
  await ground.as(`pgbench -q -i -I vp -s ${scale} ${client} ${database} 2>&1`);
  await ground.sql("CHECKPOINT");
  await ground.stop();
}

/** Starts the filled cluster with its repositories, which are empty: in the first round backups come before restores. */
export async function openRepositories(ground: Ground): Promise<void> {
  await ground.as(`mkdir -p ${Object.values(PATHS.repositories).join(" ")}`);
  await ground.start();
  await ground.as(ground.pgbackrest("stanza-create"));
}

async function backUp(ground: Ground, repository: number, type: "full" | "incr"): Promise<void> {
  await ground.as(ground.pgbackrest(`--repo=${repository} --type=${type} --process-max=2 backup`));
}

/** @returns seconds until all is on the disk. */
export async function measureMethod(ground: Ground, method: Method): Promise<number> {
  const { kind, repository, processes } = method;
  const { data, target } = PATHS;
  try {
    switch (kind) {
      case "copy":
        await ground.stop();
        await ground.forget(data);
        try {
          // Without the log: a backup has none of it either. And bytes, where XFS could share blocks.
          return await ground.time(
            `mkdir ${target}; cd ${data}; find . -mindepth 1 -maxdepth 1 ! -name pg_wal -exec cp -a --reflink=never -t ${target} {} +`,
          );
        } finally {
          await ground.start();
        }
      case "base backup":
        await ground.forget(data);
        return await ground.time(`pg_basebackup ${ground.client} -D ${target} -X stream -c fast`);
      case "backup":
        await ground.forget(data);
        return await ground.time(
          ground.pgbackrest(`--repo=${repository?.number} --process-max=${processes} --type=full backup`),
        );
      case "restore":
        await ground.forget(repositoryFolder(method));
        return await ground.time(
          ground.pgbackrest(
            `--repo=${repository?.number} --process-max=${processes} --pg1-path=${target} --type=none restore`,
          ),
        );
      default:
        return kind satisfies never;
    }
  } finally {
    await ground.as(`rm -rf ${target}`);
    if (kind === "backup" && repository?.name !== "s3") {
      await ground.as(ground.pgbackrest(`--repo=${repository?.number} expire`));
    }
  }
}

/** The emulator holds its objects in memory: there is nothing to forget. */
const repositoryFolder = ({ repository }: Method): string =>
  repository === undefined || repository.name === "s3" ? "/nonexistent" : PATHS.repositories[repository.name];

/** Bytes of the newest full backup in a repository. */
export async function repositoryBytes(ground: Ground, repository: number): Promise<number> {
  const text = await ground.as(ground.pgbackrest(`--repo=${repository} --output=json info`));
  const [found] = JSON.parse(text) as {
    backup: { info: { repository: { size?: number; delta: number } } }[];
  }[];
  return found?.backup.at(-1)?.info.repository.delta ?? Number.NaN;
}

/** Transactions of the run whose log is replayed, for each unit of scale. */
const TRANSACTIONS_PER_SCALE = 1000;

/** Writes log with pgbench, after a backup and until all of it is archived, and stops the cluster. @returns bytes of log. */
export async function writeLog(ground: Ground, scale: number): Promise<number> {
  for (const { number } of [REPOSITORIES.s3, REPOSITORIES.local]) await backUp(ground, number, "incr");
  const before = await ground.sql("SELECT pg_current_wal_lsn()");
  const [clients, transactions] = [4, (TRANSACTIONS_PER_SCALE * scale) / 4];
  await ground.as(
    `PGOPTIONS='-c synchronous_commit=off' pgbench -n -M prepared -c ${clients} -j 2 -t ${transactions} ${ground.client} ${ground.database} > /dev/null 2>&1`,
  );
  const bytes = Number(
    await ground.sql(`SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '${before}')::bigint`),
  );
  const last = await ground.sql("SELECT pg_walfile_name(pg_switch_wal())");
  await ground.as(
    `until [[ $(psql -XAt ${ground.client} ${ground.database} -c "SELECT last_archived_wal >= '${last}' FROM pg_stat_archiver") == t ]]; do sleep 0.2; done`,
  );
  await ground.stop();
  return bytes;
}
