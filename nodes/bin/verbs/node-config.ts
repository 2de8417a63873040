/** This node's own configuration files. */
import { readFileSync } from "node:fs";
import type { GuardConfig } from "../../guard/shared/config.js";
import { GUARD_CONFIG_FILE } from "../../layout.js";
import { NODE_ENV_FILE } from "../../render/node-env.js";

export const readJson = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));

/** @throws Error when the file is missing */
export const guardConfig = (): GuardConfig => readJson(GUARD_CONFIG_FILE) as GuardConfig;

/** A variable of node.env. @throws Error when it isn't set, as on a machine that doesn't need it */
export function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: load ${NODE_ENV_FILE}, as the units do`);
  return value;
}
