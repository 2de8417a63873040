/**
 * How a session of the platform reaches PostgreSQL. It is a superuser's, in databases whose content belongs to applications:
 * no code of theirs may run in it. docs/decisions/0019-sessions-run-no-planted-code.md gives the reasons. Python programs
 * have the same in nodes/bin/library/dr_sessions.py.
 */
import { IMAGE_PATHS } from "../../layout.js";

/**
 * They come with the connection. So they precede what a database or a role brings (`ALTER DATABASE … SET`), from before the
 * first statement on.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  // The catalog's functions, operators and types only. Unless it is named, pg_temp comes first.
  search_path: "pg_catalog,pg_temp",
  role: "none",
  session_preload_libraries: "",
  local_preload_libraries: "",
  // A view or a foreign table in the place of a table is an error.
  restrict_nonsystem_relation_kind: "view,foreign-table",
  // A row security policy is an error, and doesn't run.
  row_security: "off",
  standard_conforming_strings: "on",
  quote_all_identifiers: "off",
  transform_null_equals: "off",
  client_min_messages: "notice",
  default_transaction_read_only: "off",
  default_transaction_deferrable: "off",
  default_transaction_isolation: "read committed",
  statement_timeout: "0",
  lock_timeout: "0",
  idle_session_timeout: "0",
  idle_in_transaction_session_timeout: "0",
};

/** For a superuser only: others may not set `session_preload_libraries`. */
export const SESSION_ENV = {
  PGOPTIONS: Object.entries(SETTINGS)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, "\\$&")}`)
    .join(" "),
} as const;

/** A connection string. A database's name may contain any character: unquoted it could pass for a connection string. */
export const connectionString = (database: string, where = ""): string =>
  `${where}dbname='${database.replaceAll(/['\\]/g, "\\$&")}'`;

/**
 * Not Debian's `psql`, a Perl wrapper that costs more than the query.
 * @param options e.g. `-q`
 */
export const psqlProgram = (connection: string, ...options: string[]): string[] => [
  `${IMAGE_PATHS.postgresBin}/psql`,
  "-XAtq",
  ...options,
  "-d",
  connection,
];
