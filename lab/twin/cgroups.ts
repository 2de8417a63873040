/** cgroup v2: what kills or freezes all processes of a machine between two instructions. */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { UserError } from "../../common/errors.js";

/** Where cgroup v2 is mounted: by itself, or beside version 1. */
async function mountPoint(): Promise<string> {
  const mounts = await readFile("/proc/mounts", "utf8");
  const line = mounts.split("\n").find((mount) => mount.split(" ")[2] === "cgroup2");
  if (!line) {
    throw new UserError(
      "no cgroup2 is mounted",
      "The twin kills and freezes machines through it.",
      "mount it: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified",
    );
  }
  return line.split(" ")[1] as string;
}

/**
 * Sees that groups can be made and killed here.
 * @throws UserError when no cgroup2 is mounted, when it is read-only, or when the kernel is older than 5.14.
 */
export async function requireCgroups(): Promise<void> {
  // Only a group below the root has the file.
  const probe = join(await mountPoint(), `dr-probe-${process.pid}`);
  try {
    await mkdir(probe);
  } catch (error) {
    throw new UserError(
      "no control group can be made",
      `The twin kills and freezes machines through them. ${(error as Error).message}.`,
      "give the container cgroup2 to write to, e.g. run it privileged",
    );
  }
  const files = await readdir(probe);
  await rmdir(probe);
  if (files.includes("cgroup.kill")) return;
  throw new UserError(
    `Linux ${release()} has no cgroup.kill`,
    "The twin ends all processes of a machine at once through it.",
    "use Linux 5.14 or newer",
  );
}

export class Cgroup {
  private constructor(readonly path: string) {}

  /** The group of a whole twin. What an earlier one of this name left is killed. */
  static async create(name: string): Promise<Cgroup> {
    const group = new Cgroup(join(await mountPoint(), name));
    await group.remove();
    await mkdir(group.path, { recursive: true });
    return group;
  }

  async child(name: string): Promise<Cgroup> {
    const group = new Cgroup(join(this.path, name));
    await group.remove();
    await mkdir(group.path, { recursive: true });
    return group;
  }

  kill(): Promise<void> {
    return writeFile(join(this.path, "cgroup.kill"), "1");
  }

  /** Stops every process, or lets them go on; settles when it is so. */
  async freeze(frozen: boolean): Promise<void> {
    await writeFile(join(this.path, "cgroup.freeze"), frozen ? "1" : "0");
    await this.until("frozen", frozen ? "1" : "0");
  }

  private async until(key: string, value: string): Promise<void> {
    const wanted = `${key} ${value}`;
    for (let tries = 0; tries < 2000; tries++) {
      const events = await readFile(join(this.path, "cgroup.events"), "utf8").catch(() => undefined);
      if (events === undefined || events.includes(wanted)) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`${this.path} did not become '${wanted}' within 10 s`);
  }

  /** Kills what is in it and takes it away, with its children. */
  async remove(): Promise<void> {
    const there = await readdir(this.path).catch(() => undefined);
    if (!there) return;
    await this.freeze(false);
    await this.kill();
    await this.until("populated", "0");
    const folders = (await readdir(this.path, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort((a, b) => b.length - a.length);
    for (const folder of [...folders, this.path]) await rmdir(folder).catch(() => {});
  }
}
