/** A moment as people write it. */
import { UserError } from "../../common/errors.js";

const WITH_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/i;

/** @returns milliseconds since 1970. @throws UserError for anything but ISO 8601 with a time zone, and for the future. */
export function moment(option: string, text: string): number {
  const now = Date.now();
  const millis = WITH_ZONE.test(text) ? Date.parse(text) : Number.NaN;
  const remedy = `write e.g. ${option} ${new Date(now - 3_600_000).toISOString().slice(0, 19)}Z`;
  if (Number.isNaN(millis))
    throw new UserError(`${option} ${text}`, "It is not a time with a time zone.", remedy);
  if (millis > now) throw new UserError(`${option} ${text}`, "It is in the future.", remedy);
  return millis;
}
