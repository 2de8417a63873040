/** Runs other programs for the verbs. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** How long to wait after SIGTERM, and again after SIGKILL, before giving up. */
const END_MILLIS = 5000;

export interface RunOptions {
  readonly input?: string;
  /** In addition to this process's own variables. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** After this time the program and its children are ended. Default: no limit. */
  readonly timeoutMillis?: number;
  /** Default: `pipe`. */
  readonly stdout?: "pipe" | "inherit" | "ignore";
  /** Default: `inherit`, so that the program's own messages show why it failed. */
  readonly stderr?: "pipe" | "inherit" | "ignore";
}

export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class TimedOut extends Error {
  constructor(program: string, millis: number) {
    super(`${program} timed out after ${millis / 1000} seconds`);
  }
}

export class CommandFailed extends Error {
  constructor(argv: readonly string[], code: number) {
    super(`${argv.slice(0, 2).join(" ")} failed with ${code}`);
  }
}

/** @throws TimedOut after the program has been ended; Error when it can't be started. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Done> {
  const { input, env, timeoutMillis, stdout = "pipe", stderr = "inherit" } = options;
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: "/",
      env: { ...process.env, ...env },
      stdio: [input === undefined ? "ignore" : "pipe", stdout, stderr],
      // A separate process group, which ends as a whole: a program that waits for a child would leave it running.
      detached: timeoutMillis !== undefined,
    });
    const texts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout?.on("data", (chunk: Buffer) => texts.stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => texts.stderr.push(chunk));
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const end = (...signals: NodeJS.Signals[]) => {
      isOver = true;
      const [signal, ...rest] = signals;
      if (!signal) return reject(new TimedOut(program, timeoutMillis as number));
      killGroup(child.pid as number, signal);
      timer = setTimeout(() => end(...rest), END_MILLIS);
    };
    if (timeoutMillis !== undefined) timer = setTimeout(() => end("SIGTERM", "SIGKILL"), timeoutMillis);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (isOver) return reject(new TimedOut(program, timeoutMillis as number));
      resolve({
        code: code ?? 128 + constants.signals[signal as NodeJS.Signals],
        stdout: Buffer.concat(texts.stdout).toString(),
        stderr: Buffer.concat(texts.stderr).toString(),
      });
    });
    // If the program ends without reading all input, its exit code shows why.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** @returns the program's output. @throws CommandFailed when it doesn't exit with 0, and as `run` does. */
export async function output(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout } = await run(argv, options);
  if (code !== 0) throw new CommandFailed(argv, code);
  return stdout;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has just ended.
  }
}

/**
 * Runs a program as postgres, with all its groups, one of which may read the node's key. `setpriv` becomes the program, so
 * signals reach it.
 */
export const asPostgres = (argv: readonly string[]): string[] =>
  process.geteuid?.() === 0
    ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", ...argv]
    : [...argv];
