/**
 * How much longer than expected things may take. Losses and fencing are judged as strictly anywhere; a time says as much
 * about the host as about the cluster, and on one that others use too, three times is no finding.
 */
import { UserError } from "../../common/errors.js";

const VARIABLE = "DR_DRILL_PATIENCE";

/** Factor for expected times and for how long a step waits: `DR_DRILL_PATIENCE`, from 1 to 10; 1 when it isn't set. @throws UserError */
export function patience(): number {
  const text = process.env[VARIABLE] ?? "1";
  const factor = Number(text);
  if (text.trim() !== "" && factor >= 1 && factor <= 10) return factor;
  throw new UserError(
    `${VARIABLE} = ${text || "''"} is no patience`,
    "Expected times are multiplied by it.",
    "use a number from 1 to 10, or leave it out",
  );
}
