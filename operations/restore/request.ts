/** What an operator asks of a restore. */
import { UserError } from "../../common/errors.js";
import type { RegionId } from "../../settings/stacks.js";

export interface RestoreRequest {
  /** ISO 8601 with a time zone, or `latest`. */
  readonly to: string;
  /** The region whose vault is read, and in which it is restored. */
  readonly region: RegionId;
  /** The repository as it was then. */
  readonly asOf?: string;
  readonly database: string;
  /** To be brought back into the cluster that serves. */
  readonly tables: readonly string[];
  /** The whole cluster goes back to that moment. */
  readonly all?: boolean;
  /** Nobody is asked. */
  readonly unasked?: boolean;
}

const TABLE = /^([a-z_][a-z0-9_$]*)(?:\.([a-z_][a-z0-9_$]*))?$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$/;

/** @throws UserError for a time that isn't one, or that names no time zone. */
export function requireTime(option: string, text: string): string {
  if (TIME.test(text) && !Number.isNaN(Date.parse(text))) return text.replace(" ", "T");
  throw new UserError(
    `${option} ${text}`,
    "It must be one moment, whoever reads it where.",
    "write it with its time zone, e.g. 2026-03-01T11:59:00Z",
  );
}

/** With its schema. @throws UserError for anything but a plain name: it becomes part of statements. */
export function requireTable(text: string): string {
  const [, first, second] = TABLE.exec(text) ?? [];
  if (first === undefined)
    throw new UserError(
      `--table ${text}`,
      "Only plain lower-case names are carried.",
      "write schema.table; any other name by hand, see runbooks/point-in-time-restore.md",
    );
  return second === undefined ? `public.${first}` : `${first}.${second}`;
}
