/** Picks faults and systems by the names that people type. */

import { distance } from "fastest-levenshtein";
import { UserError } from "../../../common/errors.js";

/**
 * Those of the names, in their own order; all when no name is given.
 * @param what `fault` or `system`, for the error
 * @throws UserError for a name that there isn't, with the nearest.
 */
export function choose<T extends { readonly name: string }>(
  what: string,
  all: readonly T[],
  names: readonly string[] = [],
): readonly T[] {
  for (const name of names) {
    if (all.some((one) => one.name === name)) continue;
    const [nearest] = all.toSorted((a, b) => distance(name, a.name) - distance(name, b.name));
    throw new UserError(
      `no ${what} '${name}'`,
      `There are ${all.map((one) => one.name).join(", ")}.`,
      `did you mean --${what} ${nearest?.name}?`,
    );
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}
