/** Every drill there is, in the order in which `all` runs them. */

import { distance } from "../settings/parse.js";
import { UserError } from "../settings/problem.js";
import type { Drill } from "./drill.js";
import { controlAsynchronous } from "./node/control-asynchronous.js";
import { leaderProcessKilled } from "./node/leader-process-killed.js";
import { plannedSwitchover } from "./node/planned-switchover.js";

export const DRILLS: readonly Drill[] = [plannedSwitchover, leaderProcessKilled, controlAsynchronous];

/**
 * Drills by their names, each once; `all` gives every one.
 * @throws UserError that names the nearest ones, for the names that there aren't.
 */
export function findDrills(names: readonly string[], drills: readonly Drill[] = DRILLS): readonly Drill[] {
  const unknown = names.filter((name) => name !== "all" && !drills.some((drill) => drill.name === name));
  if (unknown.length > 0) {
    const near = [...new Set(unknown.flatMap((name) => nearest(name, drills)))];
    throw new UserError(
      `no drill '${unknown.join("', '")}'`,
      `The nearest: ${near.join(", ")}.`,
      "npx dr drill list has them all",
    );
  }
  if (names.includes("all")) return drills;
  return [...new Set(names)].map((name) => drills.find((drill) => drill.name === name) as Drill);
}

/** Up to three: first those that share a word, then by the edits between. */
function nearest(name: string, drills: readonly Drill[]): string[] {
  const words = new Set(name.split(/[^a-z0-9]+/i).filter(({ length }) => length > 2));
  const rank = (candidate: string) => {
    const shared = candidate.split("-").filter((word) => words.has(word)).length;
    return distance(name, candidate) - 8 * shared;
  };
  return drills
    .map((drill) => drill.name)
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, 3);
}
