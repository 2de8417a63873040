/** One machine of a twin with a scratch cluster and three repositories, on which everything is measured. */
import { join } from "node:path";
import type { RestoreReport } from "../../../nodes/bin/reports.js";
import { clusterName } from "../../../nodes/layout.js";
import { type PostgresParameters, postgresParameters } from "../../../settings/postgres-parameters.js";
import { script } from "../../drills/backup/stage/node-script.js";
import type { RegionTwin } from "../../twin/open.js";
import { host } from "../../twin/process.js";
import type { Machine } from "../../twin/types.js";
import { REPOSITORIES } from "./plan.js";

const BIN = "/usr/lib/postgresql/15/bin";
const HOME = "/var/lib/dr/bench";
export const PATHS = {
  home: HOME,
  data: `${HOME}/data`,
  /** Where copies and restored files go. */
  target: `${HOME}/target`,
  sockets: `${HOME}/socket`,
  log: `${HOME}/postgres.log`,
  config: `${HOME}/pgbackrest.conf`,
  repositories: { local: `${HOME}/local`, plain: `${HOME}/plain` },
} as const;
const PORT = 5498;
const DATABASE = "postgres";

/** Drops a folder's files from the page cache, so that the next read comes from the disk. */
const FORGET = `
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
`;

export class Ground {
  private constructor(
    private readonly running: RegionTwin,
    readonly machine: Machine,
    readonly stanza: string,
    private readonly env: Readonly<Record<string, string>>,
    private readonly timeoutMillis: number,
  ) {}

  /** An empty cluster, not yet started, and its repositories' configuration. @param scale of pgbench, for how long things may take */
  static async on(running: RegionTwin, machine: Machine, scale: number): Promise<Ground> {
    const stanza = clusterName(running.contract.home);
    const [cipher = ""] = (await script(machine, 'echo "$PGBACKREST_REPO1_CIPHER_PASS"')).split("\n");
    // What restores may only read: backups are made with the database nodes' rights.
    const { accessKeyId, secretAccessKey } = running.vaults.store.nodes.home;
    const env = {
      PGBACKREST_CONFIG: PATHS.config,
      PGBACKREST_REPO1_CIPHER_PASS: cipher,
      PGBACKREST_REPO2_CIPHER_PASS: cipher,
      PGBACKREST_REPO1_S3_KEY: accessKeyId,
      PGBACKREST_REPO1_S3_KEY_SECRET: secretAccessKey,
    };
    const ground = new Ground(running, machine, stanza, env, (600 + 20 * scale) * 1000);
    await script(machine, `install -d -o postgres -g postgres -m 0700 ${HOME} ${HOME}/socket`);
    await ground.as(`${BIN}/initdb -D ${PATHS.data} -k -A trust --locale C.UTF-8 -E UTF8 > /dev/null`);
    await ground.write(PATHS.config, ground.pgbackrestConfig());
    return ground;
  }

  /** Runs it as user postgres. @returns what it prints. @throws Error with its last words when it fails. */
  async as(command: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.machine.run(
      ["bash", "-c", `set -euo pipefail; ${command}`],
      { user: "postgres", timeoutMillis: this.timeoutMillis, env: this.env },
    );
    if (exitCode === 0) return stdout;
    const words = (stderr || stdout).trim().split("\n").slice(-4).join(" ");
    throw new Error(`${command} ended with ${exitCode}: ${words}`);
  }

  /** Seconds that it takes until what it has written is on the disk. */
  async time(command: string): Promise<number> {
    const start = performance.now();
    await this.as(`${command}; sync -f ${PATHS.home}`);
    return (performance.now() - start) / 1000;
  }

  async write(path: string, content: string): Promise<void> {
    const { exitCode, stderr } = await this.machine.run(["tee", path], { user: "postgres", input: content });
    if (exitCode !== 0) throw new Error(`${path}: ${stderr.trim()}`);
  }

  async sql(statement: string): Promise<string> {
    return (
      await this.as(
        `psql -XAt -v ON_ERROR_STOP=1 -h ${PATHS.sockets} -p ${PORT} ${DATABASE} -c "${statement}"`,
      )
    ).trim();
  }

  /** With the parameters that the project gives its nodes, and some of them changed. Log goes to the repositories. */
  async start(changes: PostgresParameters = {}): Promise<void> {
    const { running, stanza } = this;
    const parameters = {
      ...postgresParameters(running.settings, stanza),
      ...{ listen_addresses: "", port: PORT, unix_socket_directories: PATHS.sockets },
      ...{ archive_timeout: 0, autovacuum: false, ...changes },
    };
    const lines = Object.entries(parameters).map(([name, value]) => `${name} = '${value}'\n`);
    await this.write(`${PATHS.data}/postgresql.auto.conf`, lines.join(""));
    await this.as(`${BIN}/pg_ctl -s -w -t 600 -D ${PATHS.data} -l ${PATHS.log} start`);
  }

  async stop(): Promise<void> {
    await this.as(`${BIN}/pg_ctl -s -w -t 600 -D ${PATHS.data} -m fast stop`);
  }

  /** Options by which clients find it. */
  readonly client = `-h ${PATHS.sockets} -p ${PORT}`;
  readonly database = DATABASE;

  /** Of the data directory without its log, which no copy has. */
  async dataBytes(): Promise<number> {
    return Number(await this.as(`du -sb --exclude=pg_wal ${PATHS.data} | cut -f1`));
  }

  pgbackrest(options: string): string {
    return `pgbackrest --stanza=${this.stanza} ${options}`;
  }

  /** The next reader must read from the disk, whatever the last one read. */
  async forget(folder: string): Promise<void> {
    await this.machine.run(["sync", "-f", PATHS.home], { timeoutMillis: this.timeoutMillis });
    await this.machine.run(["python3", "-c", FORGET, folder], { timeoutMillis: this.timeoutMillis });
    // The volume is a file, of which the host's memory holds a part, too.
    const image = join(this.running.twin.dir, "machines", this.machine.name, "volume.img");
    await host(["dd", `if=${image}`, "iflag=nocache", "count=0", "status=none"]);
  }

  /** Restores with the machine's own script into the target's folder, which it removes again. @returns its report. */
  async drRestore(repository: keyof typeof REPOSITORIES): Promise<RestoreReport> {
    const report = `${HOME}.report.json`;
    const local =
      repository === "s3"
        ? ""
        : `PGBACKREST_REPO1_TYPE=posix PGBACKREST_REPO1_PATH=${PATHS.repositories[repository]}`;
    await script(
      this.machine,
      `${local} dr-restore --into ${PATHS.target} --stanza ${this.stanza} --report ${report} || { cat ${report}; exit 1; }`,
      this.timeoutMillis / 1000,
    );
    const found = JSON.parse(
      await script(this.machine, `cat ${report}; rm -rf ${PATHS.target}*`),
    ) as RestoreReport;
    return found;
  }

  private pgbackrestConfig(): string {
    const { vaultBucket, region, repositoryPath } = this.running.contract.home;
    const { s3, local, plain } = REPOSITORIES;
    return `${[
      "[global]",
      `repo${s3.number}-type=s3`,
      `repo${s3.number}-path=${repositoryPath}`,
      `repo${s3.number}-s3-bucket=${vaultBucket}`,
      `repo${s3.number}-s3-region=${region}`,
      `repo${s3.number}-s3-endpoint=s3.${region}.amazonaws.com`,
      `repo${s3.number}-cipher-type=aes-256-cbc`,
      `repo${local.number}-path=${PATHS.repositories.local}`,
      `repo${local.number}-cipher-type=aes-256-cbc`,
      `repo${plain.number}-path=${PATHS.repositories.plain}`,
      ...[s3, local, plain].map(({ number }) => `repo${number}-bundle=y`),
      // Those of S3 are locked.
      ...[local, plain].map(({ number }) => `repo${number}-retention-full=1`),
      "compress-type=zst",
      "start-fast=y",
      // It would be counted as a part of the next backup.
      "expire-auto=n",
      "archive-async=y",
      `spool-path=${HOME}/spool`,
      `lock-path=${HOME}/lock`,
      "log-level-file=off",
      "log-level-console=error",
      `[${this.stanza}]`,
      `pg1-path=${PATHS.data}`,
      `pg1-port=${PORT}`,
      `pg1-socket-path=${PATHS.sockets}`,
    ].join("\n")}\n`;
  }
}
