/** The twin's folder: what is removed of it and what is not, and who may be stopped for it. Starts no machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { down, exec } from "../../../lab/twin/control.js";
import { clearFolder, holderOf, setAside, takeFolder } from "../../../lab/twin/folder.js";
import { twinDir, writeRecord } from "../../../lab/twin/record.js";

let base: string;
let dir: string;
let children: ChildProcess[];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "dr-folder-"));
  dir = join(base, "twin");
  children = [];
  vi.stubEnv("DR_TWIN_DIR", dir);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const child of children) child.kill("SIGKILL");
  await rm(base, { recursive: true, force: true });
});

/** A process whose command line ends with these words and that does nothing. */
async function start(...words: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)", ...words], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  return child;
}

/** As a running twin leaves it. */
async function occupied(pid: number): Promise<void> {
  await mkdir(join(dir, "platform/parameters"), { recursive: true });
  await mkdir(join(dir, "machines/a"), { recursive: true });
  await writeFile(join(dir, "twin.pid"), `${pid}`);
}

test("taking a folder makes it, and shuts everybody else out", async () => {
  await takeFolder(dir);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  expect(await holderOf(dir)).toMatchObject({ pid: process.pid, isHold: false });
  await takeFolder(dir);
});

test("one that another process uses is refused with that process's name; a dead one's is not", async () => {
  const other = await start("drill", "slow-disk");
  await occupied(other.pid as number);
  await expect(takeFolder(dir)).rejects.toThrow(/running in .*drill slow-disk\)[\s\S]*→ wait until it ends/);
  other.kill("SIGKILL");
  await once(other, "exit");
  await takeFolder(dir);
});

test("a folder of something else is refused and left as it was", async () => {
  await mkdir(join(dir, "machines"), { recursive: true });
  await writeFile(join(dir, "machines/mine"), "");
  await expect(takeFolder(dir)).rejects.toThrow(/is not a twin's folder[\s\S]*machines for one/);
  await clearFolder(dir);
  expect(await down()).toBe(false);
  expect(await readdir(join(dir, "machines"))).toEqual(["mine"]);
});

test("a file in the folder's place is refused", async () => {
  await writeFile(dir, "");
  await expect(takeFolder(dir)).rejects.toThrow("can't be the twin's folder");
});

test("clearing removes what is the twin's, and the folder when nothing else is in it", async () => {
  await occupied(0);
  await writeFile(join(dir, "notes"), "mine");
  await clearFolder(dir);
  expect(await readdir(dir)).toEqual(["notes"]);
  await rm(join(dir, "notes"));
  await occupied(0);
  await clearFolder(dir);
  expect(await readdir(base)).toEqual([]);
});

test("one that is set aside outlives the next, and gives way to one of the same name", async () => {
  for (const content of ["first", "second"]) {
    await occupied(0);
    await writeFile(join(dir, "machines/a/log"), content);
    expect(await setAside(dir, "failed-1")).toBe(`${dir}-failed-1`);
  }
  expect(await setAside(dir, "failed-1")).toBeUndefined();
  expect(await readFile(`${dir}-failed-1/machines/a/log`, "utf8")).toBe("second");
});

test("a relative folder is resolved where it is read", () => {
  vi.stubEnv("DR_TWIN_DIR", "here");
  expect(twinDir()).toBe(join(process.cwd(), "here"));
});

test("down stops what holds the twin, also one that is still coming up", async () => {
  const hold = await start("twin", "hold", "--regions", "1");
  await occupied(hold.pid as number);
  expect(await down()).toBe(true);
  expect(hold.signalCode).toBe("SIGTERM");
  expect(await readdir(base)).toEqual([]);
});

test("nothing is run in a machine that is dead", async () => {
  const hold = await start("twin", "hold");
  await occupied(hold.pid as number);
  const dead = { name: "a", role: "tomcat", region: "home", address: "10.0.0.1" } as const;
  const machines = [dead, { ...dead, name: "b", pid: hold.pid as number }];
  await writeRecord(dir, {
    pid: hold.pid as number,
    machines,
    claims: { endpoint: "http://127.0.0.1:1", region: "eu-west-1" },
    vaults: { endpoint: "https://127.0.0.1:1", authorityFile: "/nowhere" },
  });
  await expect(exec("a", ["true"])).rejects.toThrow("machine 'a' is dead");
  await expect(exec("b", ["true"])).rejects.toThrow("machine 'b' is dead");
  await expect(exec("c", ["true"])).rejects.toThrow("no machine 'c'");
});

test("without root, or elsewhere than on Linux, down and exec say so", async () => {
  const getuid = vi.spyOn(process, "getuid").mockReturnValue(1000);
  await expect(down()).rejects.toThrow(/user id 1000 is not root[\s\S]*sudo/);
  await expect(exec("a", [])).rejects.toThrow("user id 1000 is not root");
  getuid.mockRestore();
});

test("down leaves a drill alone and says which it is", async () => {
  const drill = await start("drill", "all");
  await occupied(drill.pid as number);
  await expect(down()).rejects.toThrow(
    new RegExp(`belongs to process ${drill.pid}: .*drill all[\\s\\S]*→ wait`),
  );
  expect(drill.signalCode).toBeNull();
  expect(await readdir(join(dir, "machines"))).toEqual(["a"]);
});
