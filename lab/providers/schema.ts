/**
 * What the SDK says of a resource type: which properties the user may set and which the provider computes.
 * Read from the generated SDK itself, where computed properties are marked `out`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sdkRoot } from "./sdk.js";

export interface TypeSchema {
  readonly inputs: readonly string[];
  /** Properties that only the provider sets; unknown in a preview of a create. */
  readonly computed: readonly string[];
}

const cache = new Map<string, TypeSchema | undefined>();

/**
 * @param type a type token such as `aws:s3/bucket:Bucket`.
 * @returns undefined for a type that the installed SDK doesn't have.
 */
export function schemaOf(type: string): TypeSchema | undefined {
  if (!cache.has(type)) cache.set(type, load(type));
  return cache.get(type);
}

function load(type: string): TypeSchema | undefined {
  const [pkg, module = ""] = type.split(":");
  const file = module.startsWith("index/") ? module.slice("index/".length) : module;
  let source: string;
  try {
    source = readFileSync(join(sdkRoot(pkg as string), `${file}.js`), "utf8");
  } catch {
    return undefined;
  }
  const named = (pattern: RegExp) => [...source.matchAll(pattern)].map((match) => match[1] as string);
  return {
    inputs: named(/resourceInputs\["(\w+)"\] = (?:args\?\.|\(?args|pulumi\.output\(\(?args|args)/g),
    computed: named(/resourceInputs\["(\w+)"\] = undefined \/\*out\*\//g),
  };
}
