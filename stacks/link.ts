/** Stack `link`: what needs both regions at once. */
import type { SharedSettings } from "../settings/schema.js";
import type { StackOutputs } from "./program.js";

export async function linkStack(settings: SharedSettings): Promise<StackOutputs> {
  return { regions: settings.regions };
}
