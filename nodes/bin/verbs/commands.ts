/** Other programs, as the verbs run them. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** After SIGTERM, and again after SIGKILL: then it is given up. */
const END_MILLIS = 5000;

export interface RunOptions {
  readonly input?: string;
  /** Beside this process's own variables. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: no limit. After it the program is ended, with all that it has started. */
  readonly timeoutMillis?: number;
  /** Default: `pipe`. */
  readonly stdout?: "pipe" | "inherit" | "ignore";
  /** Default: `inherit`, so that a program says itself why it failed. */
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

/** @throws TimedOut, when the program has ended; Error when it can't be started. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Done> {
  const { input, env, timeoutMillis, stdout = "pipe", stderr = "inherit" } = options;
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: "/",
      env: { ...process.env, ...env },
      stdio: [input === undefined ? "ignore" : "pipe", stdout, stderr],
      // A group of its own, which ends as one: a program that waits for a child would leave it behind.
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
    // One that ends without reading all says so by its exit code.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** What it prints. @throws CommandFailed when it doesn't end with 0, and as `run` does. */
export async function output(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout } = await run(argv, options);
  if (code !== 0) throw new CommandFailed(argv, code);
  return stdout;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has just ended.
  }
}

/**
 * With all of postgres's groups: by one of them it may read the node's key. `setpriv` becomes the program, so a signal
 * reaches that.
 */
export const asPostgres = (argv: readonly string[]): string[] =>
  process.geteuid?.() === 0
    ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", ...argv]
    : [...argv];
