/** The regions' vaults as folders, and their replication into each other. */
import { chmod, chown, copyFile, lstat, mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RegionId } from "../settings/stacks.js";
import { type Contract, otherRegion } from "../stacks/contract.js";

/** S3 takes seconds, and is held to 15 minutes. */
const PACE_MILLIS = 1000;
/** Any user of any machine may write; who may do what in a vault is S3's business. */
const VAULT_MODE = 0o1777;
/** What pgBackRest has not finished: an object would not exist yet. */
const UNFINISHED = /\.(pgbackrest\.tmp|lock)$/;
const COPYING = ".replicating";

/**
 * `<bucket><repositoryPath>/…`, as in S3: each region's own repository, and the other's as it has been replicated. New
 * and changed files are copied once a second, each at once; deletions are not. What it does not show: versions, locks,
 * encryption, rights, and that S3 gives no order.
 */
export class Vaults {
  private readonly silent = new Set<RegionId>();
  private running: Promise<void> | undefined;
  private closed = false;

  private constructor(
    private readonly dir: string,
    private readonly contract: Contract,
    private readonly regions: readonly RegionId[],
  ) {}

  /** @param dir holds a folder per bucket; machines see it as `/run/twin/vault`. */
  static async open(dir: string, contract: Contract, regions: readonly RegionId[]): Promise<Vaults> {
    const self = new Vaults(dir, contract, regions);
    for (const id of regions) {
      for (const of of ["home", "recovery"] as const) {
        const folder = self.folder(id, of);
        await mkdir(folder, { recursive: true });
        await chmod(folder, VAULT_MODE);
      }
    }
    if (regions.length > 1) self.running = self.run();
    return self;
  }

  /** A region that is gone neither sends nor receives. */
  silence(region: RegionId, isSilent: boolean): void {
    if (isSilent) this.silent.add(region);
    else this.silent.delete(region);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  /** Where the repository of region `of` stands in the vault of `region`. */
  folder(region: RegionId, of: RegionId): string {
    return join(this.dir, this.contract[region].vaultBucket, this.contract[of].repositoryPath);
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      for (const from of this.regions) {
        await this.copy(this.folder(from, from), this.folder(otherRegion(from), from)).catch(
          (error: NodeJS.ErrnoException) => {
            // Removed by its owner in between: the next round sees what is there then.
            if (error.code !== "ENOENT") throw error;
          },
        );
      }
      await sleep(PACE_MILLIS);
    }
  }

  private async copy(from: string, to: string): Promise<void> {
    for (const entry of await readdir(from, { withFileTypes: true })) {
      if (this.silent.size > 0 || this.closed) return;
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) {
        await sameFolder(source, target);
        await this.copy(source, target);
      } else if (entry.isFile() && !UNFINISHED.test(entry.name)) await sameFile(source, target);
    }
  }
}

async function sameFolder(source: string, target: string): Promise<void> {
  const { mode, uid, gid } = await stat(source);
  if (await lstat(target).catch(() => undefined)) return;
  await mkdir(target);
  await chown(target, uid, gid);
  await chmod(target, mode);
}

/** Whole or not at all, as an object is. */
async function sameFile(source: string, target: string): Promise<void> {
  const { mode, uid, gid, size, mtime } = await stat(source);
  const there = await stat(target).catch(() => undefined);
  if (there?.size === size && Math.abs(there.mtimeMs - mtime.getTime()) < 1) return;
  const copy = `${target}${COPYING}`;
  await copyFile(source, copy);
  await chown(copy, uid, gid);
  await chmod(copy, mode);
  await utimes(copy, mtime, mtime);
  // Changed while it was copied: not this time.
  if ((await stat(source)).mtime.getTime() === mtime.getTime()) await rename(copy, target);
  else await rm(copy);
}
