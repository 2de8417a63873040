/** An emulated AWS of a twin's own. Ends with the process that started it. */
import { mkdir, readFile } from "node:fs/promises";
import { get } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { Progress } from "../../common/progress.js";
import { installEmulator } from "../sandbox/emulator/install.js";
import { DIES_WITH_PARENT } from "./process.js";

const START_MILLIS = 30_000;
const PLAIN = ["-c", "from ministack.app import main; main()"];

/** Files of a certificate for `localhost`, and its authority's text. */
export interface EmulatorTls {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly authority: string;
}

export interface EmulatorOptions {
  readonly progress: Progress;
  /** For its log and whatever it writes; made when missing. */
  readonly dir: string;
  /** What it is for, in the error's text. */
  readonly purpose: string;
  /** Beginning of its command, e.g. to lift it above the machines. Default: none. */
  readonly prefix?: readonly string[];
  /** What its Python runs. Default: the emulator as it is. */
  readonly program?: readonly string[];
  /** Whether it asks IAM and the resources' own policies. Default: it lets everybody do everything. */
  readonly enforces?: boolean;
  /** Default: plain HTTP. */
  readonly tls?: EmulatorTls;
}

export interface TwinEmulator {
  readonly endpoint: string;
  readonly port: number;
  readonly pid: number;
  close(): Promise<void>;
}

/**
 * Starts it on a free port of the loopback.
 * @throws Error with its last words when it doesn't come up within 30 s.
 */
export async function startEmulatorOfTwin(options: EmulatorOptions): Promise<TwinEmulator> {
  const { progress, dir, purpose, prefix = [], program = PLAIN, enforces = false, tls } = options;
  const python = await installEmulator(progress);
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  const log = join(dir, "emulator.log");
  // Not the sandbox's way of starting it: that one is to outlive its command, this one must not.
  const [file, ...args] = [...DIES_WITH_PARENT, ...prefix, python, ...program];
  const child = execa(file as string, args, {
    cwd: dir,
    stdin: "ignore",
    stdout: { file: log },
    stderr: { file: log },
    reject: false,
    env: {
      BIND_HOST: "127.0.0.1",
      MINISTACK_HOST: "127.0.0.1",
      GATEWAY_PORT: `${port}`,
      AUTH: `${enforces}`,
      PERSIST_STATE: "0",
      S3_PERSIST: "0",
      S3_DATA_DIR: join(dir, "s3"),
      STATE_DIR: join(dir, "state"),
      PYTHONDONTWRITEBYTECODE: "1",
      ...(tls && { USE_SSL: "1", MINISTACK_SSL_CERT: tls.certificateFile, MINISTACK_SSL_KEY: tls.keyFile }),
    },
  });
  let ended = false;
  void child.then(() => {
    ended = true;
  });
  const endpoint = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  const close = async () => {
    child.kill("SIGKILL");
    await child;
  };
  if (!(await answering(endpoint, tls?.authority, () => ended))) {
    await close();
    const words = (await readFile(log, "utf8").catch(() => "")).trim().split("\n").slice(-4).join("\n  ");
    throw new Error(`the emulator of ${purpose} did not start on ${endpoint}: ${words || "it said nothing"}`);
  }
  return { endpoint, port, pid: child.pid as number, close };
}

/** Waits until it answers. @returns false when it has ended, or the time is over. */
async function answering(
  endpoint: string,
  authority: string | undefined,
  hasEnded: () => boolean,
): Promise<boolean> {
  const end = performance.now() + START_MILLIS;
  const url = `${endpoint}/_ministack/health`;
  const ask = authority === undefined ? () => overHttp(url) : () => overTls(url, authority);
  while (!hasEnded() && performance.now() < end) {
    // Somebody else may answer on a port that this one didn't get.
    if ((await ask().catch(() => false)) && !hasEnded()) return true;
    await sleep(50);
  }
  return false;
}

const overHttp = async (url: string): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;

/** Node's fetch takes no authority of one's own. */
const overTls = (url: string, ca: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const request = get(url, { ca, timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", reject);
  });

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
