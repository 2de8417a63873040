/** SQL through psql, as PostgreSQL's own user: the server asks the kernel who connects, so no password is needed. */
import { IMAGE_PATHS } from "../../layout.js";
import { asPostgres, run } from "./commands.js";

/** The live server of this node. */
export const LIVE = { sockets: "/var/run/postgresql", port: 5432 } as const;

export interface Server {
  /** Folder of its socket. */
  readonly sockets: string;
  readonly port: number;
}

/** A connection string. A database's name may be anything. */
export const connectionTo = ({ sockets, port }: Server, database = "postgres"): string =>
  `host=${sockets} port=${port} user=postgres dbname='${database.replaceAll(/['\\]/g, "\\$&")}'`;

/** PostgreSQL refused, or psql didn't reach it. */
export class SqlFailed extends Error {
  constructor(
    readonly code: number,
    words: string,
  ) {
    super(words.trim().split(/\s+/).join(" ") || `psql ended with ${code}`);
  }
}

/** `-w`: where a password is missing it fails, and asks no terminal. */
export const psqlArguments = (connection: string): string[] =>
  asPostgres([
    ...[`${IMAGE_PATHS.postgresBin}/psql`, "-XAtqw", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", connection],
  ]);

/** Not root's home, into which postgres may not look. */
export const PSQL_ENV = { HOME: "/var/lib/postgresql", PGCLIENTENCODING: "UTF8" } as const;

/**
 * Each statement is a transaction of its own. They go through standard input, where no list of processes shows them.
 * @returns rows, their columns separated by tabs. @throws SqlFailed, TimedOut
 */
export async function sql(connection: string, statements: string, timeoutMillis?: number): Promise<string> {
  const { code, stdout, stderr } = await run(psqlArguments(connection), {
    input: statements,
    env: PSQL_ENV,
    stderr: "pipe",
    timeoutMillis,
  });
  if (code !== 0) throw new SqlFailed(code, stderr);
  return stdout.replace(/\n$/, "");
}

export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string): string =>
  // Safe whatever `standard_conforming_strings` says.
  `${text.includes("\\") ? " E" : ""}'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
