/**
 * The emulated AWS as a separate process, on loopback, with authorization and CloudTrail recording on.
 * It keeps everything in memory: one that was stopped starts empty, and `bootId` tells two of them apart.
 */

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../common/errors.js";
import { sandboxDir } from "../../../common/paths.js";
import { processRuns } from "../../../common/processes.js";
import type { Progress } from "../../../common/progress.js";
import { installEmulator } from "./install.js";

const DEFAULT_PORT = 4566;
/** The account that the emulator plays. */
export const EMULATED_ACCOUNT = "111122223333";

export interface Emulator {
  readonly endpoint: string;
  readonly port: number;
  readonly pid: number;
  /** Changes with every start: what the last one held is gone. */
  readonly bootId: string;
}

const dir = () => join(sandboxDir(), "emulator");
const recordFile = () => join(dir(), "running.json");
export const emulatorLog = () => join(dir(), "emulator.log");

/** The emulator of this sandbox, if it answers. */
export async function runningEmulator(): Promise<Emulator | undefined> {
  try {
    const emulator = JSON.parse(await readFile(recordFile(), "utf8")) as Emulator;
    return (await isOurs(emulator.pid)) && (await answers(emulator.endpoint)) ? emulator : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Starts the emulator, or finds the running one.
 * @param port 0 takes any free port. Default 4566, or `DR_SANDBOX_PORT`.
 * @throws UserError when the port is taken or the emulator doesn't come up.
 */
export async function startEmulator(progress: Progress, port = chosenPort()): Promise<Emulator> {
  const running = await runningEmulator();
  if (running) return running;
  const python = await installEmulator(progress);
  const bound = await freePort(port);
  await mkdir(dir(), { recursive: true });
  const log = await open(emulatorLog(), "w");
  const child = spawn(python, ["-c", "from ministack.app import main; main()"], {
    cwd: dir(),
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: {
      ...process.env,
      BIND_HOST: "127.0.0.1",
      MINISTACK_HOST: "127.0.0.1",
      GATEWAY_PORT: String(bound),
      AUTH: "true",
      CLOUDTRAIL_RECORDING: "1",
      MINISTACK_ACCOUNT_ID: EMULATED_ACCOUNT,
      S3_PERSIST: "0",
      S3_DATA_DIR: join(dir(), "s3"),
      STATE_DIR: join(dir(), "state"),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  child.unref();
  await log.close();
  const emulator: Emulator = {
    endpoint: `http://127.0.0.1:${bound}`,
    port: bound,
    pid: child.pid as number,
    bootId: randomUUID(),
  };
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  for (let i = 0; i < 300; i++) {
    if (await answers(emulator.endpoint)) {
      await writeFile(recordFile(), JSON.stringify(emulator));
      return emulator;
    }
    const code = await Promise.race([exited, sleep(100, undefined)]);
    if (code !== undefined) break;
  }
  await stopProcess(emulator.pid);
  const tail = (await readFile(emulatorLog(), "utf8")).trim().split("\n").slice(-4).join("\n  ");
  throw new UserError(
    `the AWS emulator did not start on ${emulator.endpoint}`,
    tail || "It printed nothing within 30 s.",
    `read ${emulatorLog()}`,
  );
}

function chosenPort(): number {
  const text = process.env.DR_SANDBOX_PORT ?? String(DEFAULT_PORT);
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UserError(
    `DR_SANDBOX_PORT = ${text} is not a port`,
    "The AWS emulator listens there, on 127.0.0.1.",
    "use a number from 1 to 65535, or 0 for any free port",
  );
}

/** Stops the emulator of this sandbox. @returns whether there was one. */
export async function stopEmulator(): Promise<boolean> {
  const text = await readFile(recordFile(), "utf8").catch(() => undefined);
  if (!text) return false;
  const { pid } = JSON.parse(text) as Emulator;
  const ours = await isOurs(pid);
  if (ours) await stopProcess(pid);
  await rm(recordFile(), { force: true });
  return ours;
}

const isOurs = (pid: number): Promise<boolean> => processRuns(pid, "ministack");

async function stopProcess(pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGTERM");
    for (let i = 0; i < 30; i++) {
      await sleep(100);
      if (!(await isOurs(pid))) return;
    }
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

function freePort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new UserError(
              `port ${port} on 127.0.0.1 is taken`,
              "The AWS emulator needs it, and what listens there is not this sandbox's emulator.",
              "stop what listens there, or set DR_SANDBOX_PORT to a free port (0 takes any)",
            )
          : error,
      ),
    );
    server.listen(port, "127.0.0.1", () => {
      const { port: bound } = server.address() as { port: number };
      server.close(() => resolve(bound));
    });
  });
}
