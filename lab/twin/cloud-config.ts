/** What cloud-init would do with a machine's user data: the files to write and the commands to run. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse } from "yaml";

interface CloudConfig {
  /** A database node's name; servers have none. */
  readonly hostname?: string;
  readonly write_files?: readonly {
    readonly path: string;
    readonly content: string;
    readonly permissions?: string;
  }[];
  readonly runcmd?: readonly (readonly string[])[];
}

export type UserData = CloudConfig & Required<Pick<CloudConfig, "write_files" | "runcmd">>;

/** @throws Error when it isn't cloud-config. */
export function parseUserData(userData: string): UserData {
  if (!userData.startsWith("#cloud-config\n")) throw new Error("user data must begin with #cloud-config");
  const { hostname, write_files = [], runcmd = [] } = parse(userData, { version: "1.1" }) as CloudConfig;
  return { hostname, write_files, runcmd };
}

/** Puts the files below a machine's root. */
export async function writeFiles(root: string, { write_files }: UserData): Promise<void> {
  for (const { path, content, permissions = "0644" } of write_files) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    await chmod(file, Number.parseInt(permissions, 8));
  }
}
