/** Settings of a twin: the project's own, at a size that fits one machine. */

import { settingsDir } from "../../common/paths.js";
import { parseSharedSettings, type RawSettings } from "../../settings/parse.js";
import { type SharedSettings, sharedSchema } from "../../settings/schema.js";
import { readStackFiles } from "../../settings/stack-files.js";

/** A few hundred megabytes of buffers per node instead of gigabytes; a volume that is a sparse file. */
const SMALL: RawSettings = { database: { instanceType: "t4g.small", volumeGib: 20 } };

/**
 * What Pulumi.yaml says, made small, with some of it changed.
 * @param changes raw settings laid over it, section by section.
 * @throws SettingsError with all problems.
 */
export async function twinSettings(changes: RawSettings = {}): Promise<SharedSettings> {
  const raw = await readStackFiles("global", settingsDir());
  const known = Object.fromEntries(Object.entries(raw).filter(([key]) => key in sharedSchema.shape));
  return parseSharedSettings("global", overlay(overlay(known, SMALL), changes));
}

/** Sections are merged, everything else is replaced. */
export function overlay(base: RawSettings, changes: RawSettings): RawSettings {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const section = isSection(value) && isSection(result[key]);
    result[key] = section ? overlay(result[key] as RawSettings, value as RawSettings) : value;
  }
  return result;
}

const isSection = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);
