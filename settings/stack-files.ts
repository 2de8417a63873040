/** A stack's raw settings as Pulumi.yaml and its stack file give them, without an engine. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { UserError } from "../common/errors.js";
import { REPO } from "../common/paths.js";
import { fromConfigMap } from "./config-map.js";
import type { RawSettings } from "./parse.js";
import type { StackName } from "./stacks.js";

type Config = Record<string, unknown>;
interface ProjectFile {
  name: string;
  config?: Config;
}

/** Folder of Pulumi.yaml: the current one, else the checkout. */
export const projectFolder = (): string => (existsSync("Pulumi.yaml") ? resolve(".") : REPO);

/** The project's name, which Pulumi puts into each state's path. @throws UserError when Pulumi.yaml can't be read. */
export const projectName = async (dir: string): Promise<string> =>
  (await read<ProjectFile>(join(dir, "Pulumi.yaml"))).name;

/** Pulumi.yaml and all stack files as they are, by name. @throws UserError when the folder has no Pulumi.yaml. */
export async function settingsFiles(dir: string): Promise<Record<string, string>> {
  await projectName(dir);
  const names = (await readdir(dir)).filter((name) => /^Pulumi(\.[a-z0-9-]+)?\.yaml$/.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), "utf8")));
  return Object.fromEntries(names.map((name, i) => [name, texts[i] as string]));
}

/** @throws UserError when the project or its stack file can't be read. */
export async function readStackFiles(stack: StackName, dir: string): Promise<RawSettings> {
  const [project, own] = await Promise.all([
    read<ProjectFile>(join(dir, "Pulumi.yaml")),
    read<{ config?: Config }>(join(dir, `Pulumi.${stack}.yaml`)),
  ]);
  return rawSettings(project, own.config ?? {});
}

/**
 * Pulumi's own precedence: a stack's value, else the default that the project declares. And its own types: it
 * knows text only, so that `pulumi config set epoch 2` leaves `"2"` in the file; the schema says what is meant.
 */
export function rawSettings({ name, config = {} }: ProjectFile, own: Config): RawSettings {
  const prefix = `${name}:`;
  const full = (key: string) => (key.includes(":") ? key : `${prefix}${key}`);
  const declared = Object.entries(config).flatMap(([key, value]) => {
    const fallback =
      typeof value === "object" && value !== null && "default" in value ? value.default : undefined;
    return fallback === undefined ? [] : [[full(key), fallback] as const];
  });
  const all = [...declared, ...Object.entries(own).map(([key, value]) => [full(key), value] as const)];
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return fromConfigMap(Object.fromEntries(all.map(([key, value]) => [key, text(value)])), name);
}

async function read<T>(path: string): Promise<T> {
  try {
    return (parse(await readFile(path, "utf8")) ?? {}) as T;
  } catch (error) {
    throw new UserError(
      `'${path}' can't be read`,
      (error as Error).message,
      "run it in the checkout, or name the project's folder with --project",
    );
  }
}
