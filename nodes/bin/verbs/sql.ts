/** SQL through psql, as PostgreSQL's own user: the kernel identifies the user to the server, so no password is needed. */
import { connectionString, psqlProgram, SESSION_ENV } from "../../guard/shared/session.js";
import { IMAGE_PATHS } from "../../layout.js";
import { asPostgres, run } from "./commands.js";

/** The live server of this node. */
export const LIVE = { sockets: IMAGE_PATHS.sockets, port: 5432 } as const;

export interface Server {
  /** Folder of the server's socket. */
  readonly sockets: string;
  readonly port: number;
}

/** A connection string. */
export const connectionTo = ({ sockets, port }: Server, database = "postgres"): string =>
  connectionString(database, `host=${sockets} port=${port} user=postgres `);

/** PostgreSQL refused, or psql didn't reach it. */
export class SqlFailed extends Error {
  constructor(
    readonly code: number,
    words: string,
  ) {
    super(words.trim().split(/\s+/).join(" ") || `psql failed with exit code ${code}`);
  }
}

/** `-w`: fails if a password is missing instead of prompting for it. */
export const psqlArguments = (connection: string): string[] =>
  asPostgres(psqlProgram(connection, "-w", "-F", "\t", "-v", "ON_ERROR_STOP=1"));

/** Not root's home, which postgres may not read. */
export const POSTGRES_ENV = { HOME: "/var/lib/postgresql" } as const;
export const PSQL_ENV = { ...POSTGRES_ENV, ...SESSION_ENV, PGCLIENTENCODING: "UTF8" } as const;

/**
 * Each statement is a separate transaction. They go through standard input, so that no process list shows them.
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
  // Safe with any value of `standard_conforming_strings`.
  `${text.includes("\\") ? " E" : ""}'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
