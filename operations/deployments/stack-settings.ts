/** A region's settings out of a project's folder: the size that a promotion starts from, and the keys that it sets. */

import { parseRegionSettings } from "../../settings/parse.js";
import type { Site } from "../../settings/schema.js";
import { readStackFiles } from "../../settings/stack-files.js";
import type { RegionStackName } from "../../settings/stacks.js";
import type { PromotionSettings } from "../promotion/deployment.js";

/** @throws SettingsError when they are bad: then nothing is to be deployed. */
export const siteOf = async (stack: RegionStackName, dir: string): Promise<Site> =>
  parseRegionSettings(stack, await readStackFiles(stack, dir)).site;

/** As they stand in the files; a key that isn't there is undefined. */
export async function promotionSettings(stack: RegionStackName, dir: string): Promise<PromotionSettings> {
  const { epoch, fenced, acceptDataLoss } = await readStackFiles(stack, dir);
  const text = (value: unknown) => (value === undefined ? undefined : String(value));
  return { epoch: text(epoch), fenced: text(fenced), acceptDataLoss: text(acceptDataLoss) };
}
