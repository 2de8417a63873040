/** Physical names for resources that were given none: the logical name and seven characters from the engine's seed. */
import { createHash } from "node:crypto";
import type { Props } from "./values.js";

export interface NameRule {
  /** Input that holds the physical name. */
  readonly property: string;
  /** Longest name that AWS takes. Default 63. */
  readonly maxLength?: number;
  /** What every name of the type starts with, e.g. `alias/`. */
  readonly prefix?: string;
}

/**
 * Adds a name where the user gave none, keeps the one of last time, and records in `__defaults` that it
 * was ours, as the real providers do.
 */
export function withPhysicalName(
  rule: NameRule,
  logical: string,
  olds: Props,
  news: Props,
  seed: Uint8Array,
): Props {
  const { property, maxLength = 63, prefix = "" } = rule;
  if (news[property] !== undefined && news[property] !== null) return news;
  if (news[`${property}Prefix`]) logical = news[`${property}Prefix`].replace(/-$/, "");
  const before = olds.__defaults?.includes(property) ? olds[property] : undefined;
  const suffix = createHash("sha256")
    .update(seed.length > 0 ? seed : logical)
    .digest("hex")
    .slice(0, 7);
  if (!logical.startsWith(prefix)) logical = `${prefix}${logical}`;
  const name = before ?? `${logical.slice(0, maxLength - suffix.length - 1)}-${suffix}`;
  return { ...news, [property]: name, __defaults: [property] };
}
