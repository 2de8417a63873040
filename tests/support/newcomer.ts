/** A copy of the repository as a new user leaves it after step 1 of the README: other values in the stack files, nothing else. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { parseDocument } from "yaml";
import { exists, REPO } from "../../common/paths.js";
import type { SharedSettings } from "../../settings/schema.js";

export interface Edit {
  readonly domain: string;
  readonly regions: SharedSettings["regions"];
  readonly contacts: SharedSettings["contacts"];
  readonly site: "cold" | "warm" | "hot";
  readonly voters: 3 | 5;
}

/** Home is where the control planes of Route 53 and IAM are: the case in which two regions of the program are one. */
export const AMERICAN: Edit = {
  domain: "shop.acme-bank.net",
  regions: { home: "us-east-1", recovery: "us-east-2", witness: "us-west-2" },
  contacts: [{ severity: "page", protocol: "sms", endpoint: "+12025550143" }],
  site: "warm",
  voters: 5,
};

export const EUROPEAN: Edit = {
  domain: "dienste.example.de",
  regions: { home: "eu-central-1", recovery: "eu-west-2", witness: "eu-west-1" },
  contacts: [
    { severity: "page", protocol: "https", endpoint: "https://pager.example.de/hook" },
    { severity: "page", protocol: "email", endpoint: "bereitschaft@example.de" },
    { severity: "notify", protocol: "email", endpoint: "betrieb@example.de" },
  ],
  site: "hot",
  voters: 5,
};

export interface Copy {
  readonly dir: string;
  remove(): Promise<void>;
}

/** Copies what Git has, or would add, and edits the copy. Dependencies are linked: installing them would change the original's. */
export async function editedCopy(edit: Edit): Promise<Copy> {
  const dir = await mkdtemp(join(tmpdir(), "dr-newcomer-"));
  const listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { stdout } = await execa("git", listed, { cwd: REPO });
  for (const file of stdout.split("\0").filter(Boolean)) {
    if (!(await exists(join(REPO, file)))) continue;
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await cp(join(REPO, file), join(dir, file), { verbatimSymlinks: true });
  }
  await symlink(join(REPO, "node_modules"), join(dir, "node_modules"));
  await editStackFiles(dir, edit);
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Pulumi.yaml and the regions' stack files alone, for what needs no more than settings. */
export async function editedStackFiles(edit: Edit): Promise<Copy> {
  const dir = await mkdtemp(join(tmpdir(), "dr-newcomer-"));
  for (const file of ["", ".copy", ".global", ".prod", ".dr", ".link"].map((stack) => `Pulumi${stack}.yaml`))
    await cp(join(REPO, file), join(dir, file));
  await editStackFiles(dir, edit);
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

async function editStackFiles(dir: string, edit: Edit): Promise<void> {
  await change(join(dir, "Pulumi.yaml"), [
    [["config", "domain", "default"], edit.domain],
    [["config", "regions", "default"], edit.regions],
    [["config", "contacts", "default"], edit.contacts],
    [["config", "database"], { type: "object", default: { voters: edit.voters } }],
  ]);
  for (const stack of ["prod", "dr"])
    await change(join(dir, `Pulumi.${stack}.yaml`), [[["config", "disaster-recovery:site"], edit.site]]);
}

async function change(file: string, edits: readonly (readonly [string[], unknown])[]): Promise<void> {
  const document = parseDocument(await readFile(file, "utf8"));
  for (const [path, value] of edits) document.setIn(path, document.createNode(value));
  await writeFile(file, document.toString());
}

/** Variables under which a process in the copy reads the copy's settings, as a user's shell has them. */
export const USERS_SHELL = { DR_SETTINGS_DIR: undefined, NO_COLOR: "1" };
