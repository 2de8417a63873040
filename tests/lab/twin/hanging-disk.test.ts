/** A twin that is killed while a volume hangs. A file system that stayed frozen could not be unmounted until the host restarts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandLine } from "../../../common/processes.js";
import { LocalTwin } from "../../../lab/twin/local-twin.js";

const TWIN = join(import.meta.dirname, "support/hanging-disk.ts");

/** Processes of this host that name the folder. */
async function naming(dir: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => commandLine(Number(pid))));
  return lines.filter((line) => line.includes(dir));
}

test("neither its machines nor the hanging outlive it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dr-twin-"));
  const child = spawn(process.execPath, ["--import", "tsx", TWIN, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const [machine] = await Promise.race([once(child.stdout, "data"), exited]);
  expect(Number(machine)).toBeGreaterThan(1);
  expect((await naming(dir)).filter((line) => line.includes("slow-disk.py"))).toHaveLength(1);

  child.kill("SIGKILL");
  await exited;
  await expect.poll(() => naming(dir), { timeout: 60_000 }).toEqual([]);
  await expect.poll(() => commandLine(Number(machine)), { timeout: 60_000 }).toBe("");

  const next = await LocalTwin.open({ dir, regions: ["home"], layers: [] });
  await next.close();
  await expect(access(dir)).rejects.toThrow("ENOENT");
}, 300_000);
