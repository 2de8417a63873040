/** Raw settings as the checkout's Pulumi.yaml and stack files give them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { REPO } from "../../sandbox/paths.js";
import type { RawSettings } from "../../settings/parse.js";
import type { StackName } from "../../settings/stacks.js";

export function stackFileSettings(stack: StackName): RawSettings {
  const read = (file: string) =>
    (parse(readFileSync(join(REPO, file), "utf8")) as { config?: Record<string, unknown> }).config ?? {};
  const shared = Object.entries(read("Pulumi.yaml"))
    .filter(([key]) => !key.includes(":"))
    .map(([key, declared]) => [key, (declared as { default: unknown }).default]);
  const own = Object.entries(read(`Pulumi.${stack}.yaml`)).map(([key, value]) => [
    key.replace("disaster-recovery:", ""),
    value,
  ]);
  return Object.fromEntries([...shared, ...own]);
}
