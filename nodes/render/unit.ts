/** The syntax of systemd's units, and sections that several of our units share. */

import { IMAGE_PATHS } from "../layout.js";
import { NODE_ENV_FILE } from "./node-env.js";

const { scripts } = IMAGE_PATHS;

export type Section = readonly (readonly [key: string, value: string])[];

/** Renders a unit in systemd's syntax. A key may occur more than once. */
export function unit(sections: Readonly<Record<string, Section>>): string {
  return Object.entries(sections)
    .map(([name, lines]) => `[${name}]\n${lines.map(([key, value]) => `${key}=${value}`).join("\n")}\n`)
    .join("\n");
}

export const AT_BOOT: Section = [["WantedBy", "multi-user.target"]];

/** Runs once at each boot. Its scripts retry until they succeed, so that other units can simply require it. */
export const oneshot = (
  description: string,
  commands: readonly string[],
  hardening: Section,
  {
    starts = [],
  }: { /** Units to start beside it. Default: none. */ readonly starts?: readonly string[] } = {},
): string =>
  unit({
    Unit: [
      ["Description", description],
      ["Wants", ["network-online.target", ...starts].join(" ")],
      ["After", "network-online.target"],
    ],
    Service: [
      ["Type", "oneshot"],
      ["RemainAfterExit", "yes"],
      ["EnvironmentFile", NODE_ENV_FILE],
      ...commands.map((command) => ["ExecStart", `${scripts}/${command}`] as const),
      ["TimeoutStartSec", "15min"],
      ...hardening,
    ],
    Install: AT_BOOT,
  });

/** Starts after these units, and stops with them. */
export const requires = (...units: readonly string[]): Section => {
  const names = units.map((name) => `${name}.service`).join(" ");
  return [
    ["Requires", names],
    ["After", names],
  ];
};
