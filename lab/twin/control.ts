/** `dr twin`: a twin that runs until it is stopped. One process holds it; these functions start, query and stop it. */

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../common/errors.js";
import { REPO } from "../../common/paths.js";
import { processRuns } from "../../common/processes.js";
import type { Progress } from "../../common/progress.js";
import { TLS_FILES } from "../../nodes/layout.js";
import { PORTS } from "../../settings/contract.js";
import { Cgroup } from "./cgroups.js";
import { clearFolder, holderOf, takeFolder } from "./folder.js";
import { requireHost, requireRoot } from "./host.js";
import { cgroupName } from "./local-twin.js";
import { ENVIRONMENT_FILE } from "./machine.js";
import { RegionTwin } from "./open.js";
import { inside, type MachineRecord, runningTwin, type TwinRecord, twinDir, writeRecord } from "./record.js";
import { serveRequests } from "./requests.js";

export interface UpOptions {
  /** Both regions, 30 ms apart, or the home region alone. */
  readonly regions: 1 | 2;
  readonly tomcats: number;
}

const logFile = () => join(twinDir(), "twin.log");

/** Starts the process that holds the twin and tells what it does until all is up. */
export async function up({ regions, tomcats }: UpOptions, progress: Progress): Promise<TwinRecord> {
  await requireHost(progress);
  const dir = twinDir();
  await takeFolder(dir);
  await rm(join(dir, "twin.json"), { force: true });
  await rm(logFile(), { force: true });
  const log = openSync(logFile(), "a");
  // Not execa: this child is meant to outlive us.
  const holder = spawn(
    process.execPath,
    [join(REPO, "cli/dr.mjs"), "twin", "hold", "--regions", `${regions}`, "--tomcats", `${tomcats}`],
    { detached: true, stdio: ["ignore", log, log] },
  );
  closeSync(log);
  let over = false;
  holder.once("exit", () => {
    over = true;
  });
  // From now on `down` finds it, however long it takes to come up.
  if (holder.pid) await takeFolder(dir, holder.pid);
  let shown = 0;
  for (;;) {
    const text = await readFile(logFile(), "utf8").catch(() => "");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    for (const line of whole.slice(shown).split("\n").filter(Boolean)) progress.line(line);
    shown = whole.length;
    const twin = await runningTwin(dir);
    if (twin) {
      holder.unref();
      return twin;
    }
    if (over) throw new Error(`the twin did not come up; ${logFile()} has what it said`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The process that holds the twin: opens it, writes its record, waits for the order to stop. */
export async function hold({ regions, tomcats }: UpOptions, progress: Progress): Promise<void> {
  const stop = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
  const opened = RegionTwin.open({
    progress,
    tomcats,
    regions: regions === 2 ? ["home", "recovery"] : ["home"],
  });
  // Told to stop before it is up: it ends with this process, and the next one cleans.
  const twin = await Promise.race([opened, stop.then(() => undefined)]);
  if (!twin) return;
  const machines = () =>
    twin.twin.machines.map(
      ({ spec: { name, role, region, address }, pid }): MachineRecord => ({
        name,
        role,
        region,
        address,
        pid,
      }),
    );
  const record = () =>
    writeRecord(twinDir(), {
      ...{ pid: process.pid, machines: machines() },
      ...{ claims: twin.claims.place, vaults: twin.vaults.store.place },
    });
  const server = await serveRequests(twinDir(), async ({ verb, region }) => {
    if (verb === "call-restore-machine") await twin.callRestoreMachine(region, { test: false });
    else await twin.endRestoreMachine(region);
    await record();
  });
  await record();
  await stop;
  server.close();
  await twin.close();
}

/**
 * Stops what `up` started, also while it is still coming up, waits for its end, and removes its folder.
 * @returns whether there was one. @throws UserError when it belongs to something else, e.g. a drill.
 */
export async function down(): Promise<boolean> {
  requireRoot();
  const dir = twinDir();
  const holder = await holderOf(dir);
  if (holder && !holder.isHold) {
    throw new UserError(
      `the twin in ${dir} belongs to process ${holder.pid}: ${holder.command}`,
      "A drill or a benchmark ends its own twin.",
      "wait until it has ended, or stop that process with Ctrl-C",
    );
  }
  if (holder) {
    process.kill(holder.pid, "SIGTERM");
    while (await processRuns(holder.pid, "twin")) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // What a crashed one left: nothing runs, but its group and its folder are there.
  await (await Cgroup.create(cgroupName(dir))).remove();
  await clearFolder(dir);
  return holder !== undefined;
}

/** What `dr twin status` tells of one machine. */
export interface MachineStatus extends MachineRecord {
  readonly alive: boolean;
  /** As Patroni reports; undefined for a Tomcat server, and when Patroni doesn't answer. */
  readonly databaseRole?: string;
  readonly state?: string;
  readonly timeline?: number;
  readonly lag?: number | string;
}

/** @throws UserError when no twin runs. */
export async function status(): Promise<MachineStatus[]> {
  const twin = await mustRun();
  const members = new Map<
    string,
    { role: string; state: string; timeline?: number; lag?: number | string }
  >();
  const databases = twin.machines.filter(({ role, pid }) => role === "database" && pid);
  await Promise.all(
    databases.map(async (machine) => {
      const url = `https://${machine.address}:${PORTS.patroni}/cluster`;
      const [file, ...args] = inside(machine, [
        "curl",
        "-s",
        "-m",
        "2",
        "--cacert",
        TLS_FILES.authority,
        url,
      ]);
      const { stdout } = await execa(file as string, args, { reject: false, stdin: "ignore" });
      if (!stdout) return;
      const cluster = JSON.parse(stdout) as { members?: { name: string; role: string; state: string }[] };
      for (const member of cluster.members ?? []) {
        // Each knows itself best.
        if (member.name === machine.name || !members.has(member.name)) members.set(member.name, member);
      }
    }),
  );
  return Promise.all(
    twin.machines.map(async (machine) => {
      const { role, state, timeline, lag } = members.get(machine.name) ?? {};
      return { ...machine, alive: await isAlive(machine), databaseRole: role, state, timeline, lag };
    }),
  );
}

/**
 * Runs a command inside a machine with this terminal. @returns its exit code.
 * @throws UserError when no twin runs, or when there is no such machine or it is dead.
 */
export async function exec(name: string, argv: readonly string[]): Promise<number> {
  const twin = await mustRun();
  const machine = twin.machines.find((one) => one.name === name);
  if (!machine) {
    throw new UserError(
      `no machine '${name}'`,
      `The twin has ${twin.machines.map((one) => one.name).join(", ")}.`,
      "npx dr twin status lists them",
    );
  }
  if (!(await isAlive(machine))) {
    throw new UserError(
      `machine '${name}' is dead`,
      "None of its processes is there to be joined.",
      "npx dr twin down && npx dr twin up restart all of them",
    );
  }
  const [file, ...args] = await commandIn(machine, argv.length > 0 ? argv : ["bash"]);
  const { exitCode } = await execa(file as string, args, { stdio: "inherit", reject: false });
  return exitCode ?? 1;
}

/** A host command that runs a command inside a machine, in the environment of the machine's processes. */
export async function commandIn(machine: MachineRecord, argv: readonly string[]): Promise<readonly string[]> {
  const file = join(twinDir(), "machines", machine.name, "shared", ENVIRONMENT_FILE);
  const variables = (await readFile(file, "utf8")).split("\n").filter(Boolean);
  return inside(machine, ["env", "--chdir=/", ...variables, ...argv]);
}

const isAlive = async ({ pid }: MachineRecord): Promise<boolean> =>
  pid !== undefined && processRuns(pid, "init");

/** The twin that runs here. @throws UserError when none does. */
export async function mustRun(): Promise<TwinRecord> {
  // Its folder is root's alone: anybody else would hear that there is none.
  requireRoot();
  const twin = await runningTwin(twinDir());
  if (!twin) throw new UserError("no twin is running", `There is none in ${twinDir()}.`, "npx dr twin up");
  return twin;
}
