import { UserError } from "../common/errors.js";
import { assertStackName, isRegionStack, type RegionStackName } from "../settings/stacks.js";

/**
 * @param lacks what only a region has, and the verb needs.
 * @param remedy how to name a region to this verb.
 */
export function regionStack(name: string, lacks: string, remedy: string): RegionStackName {
  assertStackName(name);
  if (isRegionStack(name)) return name;
  throw new UserError(`stack '${name}'`, `It is not a region and has no ${lacks}.`, remedy);
}
