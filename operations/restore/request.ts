/** What an operator requests from a restore. */
import { UserError } from "../../common/errors.js";
import type { RegionId } from "../../settings/stacks.js";

export interface RestoreRequest {
  /** ISO 8601 with a time zone, or `latest`. */
  readonly to: string;
  /** The region whose vault is read and whose machines restore. */
  readonly region: RegionId;
  /** Read the repository as it was at this time. */
  readonly asOf?: string;
  readonly database: string;
  /** Tables to bring back into the serving cluster. */
  readonly tables: readonly string[];
  /** Set the whole cluster back to that moment. */
  readonly all?: boolean;
  /** Ask no questions. */
  readonly unasked?: boolean;
}

const TABLE = /^([a-z_][a-z0-9_$]*)(?:\.([a-z_][a-z0-9_$]*))?$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$/;

/** @throws UserError for an invalid time, or one without a time zone. */
export function requireTime(option: string, text: string): string {
  if (TIME.test(text) && !Number.isNaN(Date.parse(text))) return text.replace(" ", "T");
  throw new UserError(
    `${option} ${text}`,
    "It is not an unambiguous time.",
    "write it with its time zone, e.g. 2026-03-01T11:59:00Z",
  );
}

/** The name with its schema. @throws UserError for anything but a plain name, because it becomes part of statements. */
export function requireTable(text: string): string {
  const [, first, second] = TABLE.exec(text) ?? [];
  if (first === undefined)
    throw new UserError(
      `--table ${text}`,
      "Only plain lower-case names are supported.",
      "write schema.table; for any other name see runbooks/point-in-time-restore.md",
    );
  return second === undefined ? `public.${first}` : `${first}.${second}`;
}
