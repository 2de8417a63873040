/** Runs PostgreSQL on this node's data as the primary that it was, without any connection to or from other machines. */
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { IMAGE_PATHS } from "../../layout.js";
import { asPostgres, output, run } from "./commands.js";
import { own, removeTree } from "./files.js";
import { POSTGRES_ENV, type Server } from "./sql.js";

/** In memory, for its socket, its log and its own access rules. */
const PRIVATE = `${IMAGE_PATHS.run}/diverged`;
/** Recovery may have to replay much, and a stop to write much. */
const POSTGRES_SECONDS = 6 * 3600;
const LAST_WORDS = 4000;

export class NotStarted extends Error {}

const settingsIn = (folder: string): Readonly<Record<string, string>> => ({
  listen_addresses: "",
  unix_socket_directories: folder,
  hba_file: `${folder}/hba.conf`,
  ssl: "off",
  archive_mode: "off",
  synchronous_standby_names: "",
  primary_conninfo: "",
  primary_slot_name: "",
  restore_command: "",
  autovacuum: "off",
  logging_collector: "off",
  // Checkpoints must remove no WAL: a rewind needs WAL from before the slots begin.
  wal_keep_size: "1TB",
  max_slot_wal_keep_size: "-1",
  statement_timeout: "0",
  default_transaction_read_only: "off",
});

/** @throws NotStarted when PostgreSQL doesn't start; errors of `work`, after PostgreSQL has stopped */
export async function isolated<T>(directory: string, work: (server: Server) => Promise<T>): Promise<T> {
  const folder = PRIVATE;
  removeTree(folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  writeFileSync(join(folder, "hba.conf"), "local all postgres peer\n");
  await own(folder, join(folder, "hba.conf"));
  // Without these files PostgreSQL replays its own WAL and continues on its own timeline.
  for (const name of ["standby.signal", "recovery.signal"]) rmSync(join(directory, name), { force: true });
  const settings = Object.entries(settingsIn(folder)).map(([name, value]) => `-c ${name}='${value}'`);
  const log = join(folder, "log");
  const pgCtl = (...words: string[]) =>
    asPostgres([
      ...[`${IMAGE_PATHS.postgresBin}/pg_ctl`, "-D", directory, "-w", "-t", `${POSTGRES_SECONDS}`, "-l", log],
      ...words,
    ]);
  const options = { env: { ...POSTGRES_ENV, LC_ALL: "C.UTF-8" }, stdout: "inherit" } as const;
  const { code } = await run(pgCtl("-s", "-o", settings.join(" "), "start"), options);
  if (code !== 0) {
    process.stderr.write(lastWords(log));
    throw new NotStarted("PostgreSQL does not start");
  }
  try {
    return await work({ sockets: folder, port: 5432 });
  } finally {
    await output(pgCtl("-s", "-m", "fast", "stop"), options);
  }
}

/** The folder is user postgres' own: a link there could point to what only root may read. */
function lastWords(log: string): string {
  try {
    const file = openSync(log, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return readFileSync(file, "utf8").slice(-LAST_WORDS);
    } finally {
      closeSync(file);
    }
  } catch {
    return "";
  }
}
