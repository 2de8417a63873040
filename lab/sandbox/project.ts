/**
 * The sandbox's own copy of the Pulumi project, so that a promotion tried here doesn't change the stack
 * files of the checkout. Each run takes over what changed in the checkout since the last one and keeps
 * what was set here (`pulumi config set`, `dr sandbox config`).
 */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parse, stringify } from "yaml";
import { UserError } from "../../common/errors.js";
import { REPO, sandboxDir, settingsDir } from "../../common/paths.js";
import { STACK_NAMES, type StackName } from "../../settings/stacks.js";

interface StackFile {
  config?: Record<string, unknown>;
  [key: string]: unknown;
}

export const projectDir = (): string => join(sandboxDir(), "project");
const baseDir = (): string => join(sandboxDir(), "project-base");
const fileOf = (stack: StackName): string => `Pulumi.${stack}.yaml`;

/** Brings the copy up to date with the checkout, or with the folder that `DR_SETTINGS_DIR` names. */
export async function syncProject(): Promise<void> {
  const source = settingsDir();
  await mkdir(projectDir(), { recursive: true });
  await mkdir(baseDir(), { recursive: true });
  const project = await read(join(source, "Pulumi.yaml"));
  await writeFile(
    join(projectDir(), "Pulumi.yaml"),
    stringify({ ...project, main: relative(projectDir(), join(REPO, "stacks/index.ts")) }),
  );
  for (const stack of STACK_NAMES) {
    const [theirs, base, ours] = await Promise.all([
      read(join(source, fileOf(stack))),
      read(join(baseDir(), fileOf(stack))),
      read(join(projectDir(), fileOf(stack))),
    ]);
    const merged = { ...ours, config: merge(base.config ?? {}, ours.config ?? {}, theirs.config ?? {}) };
    await writeFile(join(projectDir(), fileOf(stack)), stringify(merged));
    await cp(join(source, fileOf(stack)), join(baseDir(), fileOf(stack)));
  }
}

/** Sets one key of a stack in the sandbox's copy only; undefined takes back what was set there. */
export async function setConfig(stack: StackName, key: string, value: string | undefined): Promise<void> {
  const path = join(projectDir(), fileOf(stack));
  const [file, base] = await Promise.all([read(path), read(join(baseDir(), fileOf(stack)))]);
  const full = `disaster-recovery:${key}`;
  const { [full]: _, ...others } = file.config ?? {};
  const wanted: unknown = value === undefined ? base.config?.[full] : parse(value);
  const config = wanted === undefined ? others : { ...others, [full]: wanted };
  await writeFile(path, stringify({ ...file, config }));
}

/** Key by key: what was changed here since the last sync stays, all else is as in the checkout. */
export function merge(
  base: Record<string, unknown>,
  ours: Record<string, unknown>,
  theirs: Record<string, unknown>,
): Record<string, unknown> {
  const text = (value: unknown) => JSON.stringify(value ?? null);
  const changedHere = Object.entries(ours).filter(
    ([key, value]) => text(value) !== text(base[key]) && String(value) !== String(base[key]),
  );
  return { ...theirs, ...Object.fromEntries(changedHere) };
}

async function read(path: string): Promise<StackFile> {
  const text = await readFile(path, "utf8").catch(() => "");
  try {
    return (parse(text) as StackFile | null) ?? {};
  } catch (error) {
    throw new UserError(
      `${path} is not YAML`,
      (error as Error).message.trim().split("\n")[0] as string,
      "fix that line",
    );
  }
}
