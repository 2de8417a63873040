/** Turns Pulumi's configuration, which is text only, into raw settings. No Pulumi here. */
import { z } from "zod";
import type { RawSettings } from "./parse.js";
import { regionSchema } from "./schema.js";

/** Pulumi hands every value over as a string; the schema says which ones were something else. */
export function fromConfigMap(config: Readonly<Record<string, string>>, project: string): RawSettings {
  const prefix = `${project}:`;
  const entries = Object.entries(config)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, text]) => [key.slice(prefix.length), decode(key.slice(prefix.length), text)]);
  return Object.fromEntries(entries);
}

function decode(key: string, text: string): unknown {
  const field = (regionSchema.shape as Record<string, z.ZodType>)[key];
  if (field && acceptsString(field)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const acceptsString = (field: z.ZodType): boolean => {
  const type = z.toJSONSchema(field, { io: "input", unrepresentable: "any" }).type;
  return type === "string";
};
