/** A region's settings from a project's folder: the size before a promotion, and the keys that a promotion sets. */

import { parseRegionSettings } from "../../settings/parse.js";
import type { Site } from "../../settings/schema.js";
import { readStackFiles } from "../../settings/stack-files.js";
import type { RegionStackName } from "../../settings/stacks.js";
import type { PromotionSettings } from "../promotion/deployment.js";

/** @throws SettingsError for bad settings: they must not be deployed. */
export const siteOf = async (stack: RegionStackName, dir: string): Promise<Site> =>
  parseRegionSettings(stack, await readStackFiles(stack, dir)).site;

/** The values in the files; undefined for a missing key. */
export async function promotionSettings(stack: RegionStackName, dir: string): Promise<PromotionSettings> {
  const { epoch, fenced, acceptDataLoss } = await readStackFiles(stack, dir);
  const text = (value: unknown) => (value === undefined ? undefined : String(value));
  return { epoch: text(epoch), fenced: text(fenced), acceptDataLoss: text(acceptDataLoss) };
}
