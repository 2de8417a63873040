/** Long-lived children that talk JSON lines, and one-shot commands of the host. All of them end with this process. */
import { createInterface } from "node:readline";
import { execa, type ResultPromise } from "execa";
import type { RunningCommand } from "./types.js";

/** Ends the command when the process that started it dies, even by SIGKILL. */
export const DIES_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL", "--"] as const;

/** Runs one command of the host. @throws Error with its own words when it fails. */
export async function host(argv: readonly string[], input?: string): Promise<string> {
  const [file, ...args] = argv as [string, ...string[]];
  const { stdout } = await execa(file, args, {
    timeout: 60_000,
    ...(input === undefined ? { stdin: "ignore" } : { input }),
  });
  return stdout;
}

/**
 * Starts a program of the host in the network namespace of that process. It keeps the namespace, so that it goes on,
 * cut off, when the process ends. @throws Error when it can't be started.
 */
export function startInNetwork(pid: number, argv: readonly string[]): RunningCommand {
  const [file, ...args] = [
    ...DIES_WITH_PARENT,
    ...["nsenter", `--net=/proc/${pid}/ns/net`, "--"],
    ...argv,
  ] as [string, ...string[]];
  const child = execa(file, args, {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    reject: false,
    buffer: false,
  });
  if (child.pid === undefined) throw new Error(`${argv[0]} could not be started in the network of ${pid}`);
  child.stdin.on("error", () => {});
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    kill: () => void child.kill("SIGKILL"),
    ended: child.then(({ exitCode }) => exitCode ?? 137),
  };
}

interface Message {
  readonly id?: number;
  readonly ready?: boolean;
}

/** A child that answers requests, one JSON line each way. */
export class Talker {
  private readonly child: ResultPromise<{
    stdin: "pipe";
    stdout: "pipe";
    stderr: "pipe";
    reject: false;
    buffer: false;
  }>;
  private readonly waiting = new Map<
    number,
    { resolve: (message: never) => void; reject: (error: Error) => void }
  >();
  private next = 1;
  private errors = "";
  private over = false;
  /** Settles when the child is ready for requests. */
  readonly ready: Promise<void>;
  /** Settles when the child has ended. */
  readonly ended: Promise<void>;

  constructor(
    private readonly name: string,
    argv: readonly string[],
  ) {
    const [file, ...args] = [...DIES_WITH_PARENT, ...argv] as [string, ...string[]];
    this.child = execa(file, args, {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      reject: false,
      buffer: false,
    });
    this.child.stderr.on("data", (data: Buffer) => {
      this.errors = (this.errors + data).slice(-4000);
    });
    // A request to one that has just died must fail as a request, not as an unhandled error of its pipe.
    this.child.stdin.on("error", () => {});
    let ready = () => {};
    let failed = (_: Error) => {};
    this.ready = new Promise((resolve, reject) => {
      ready = resolve;
      failed = reject;
    });
    this.ready.catch(() => {});
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const message = JSON.parse(line) as Message;
      if (message.ready) ready();
      if (message.id !== undefined) {
        this.waiting.get(message.id)?.resolve(message as never);
        this.waiting.delete(message.id);
      }
    });
    this.ended = this.child.then(() => {
      this.over = true;
      const error = new Error(`${this.name} has ended${this.errors ? `: ${this.errors.trim()}` : ""}`);
      failed(error);
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} could not be started: ${this.errors}`);
    return this.child.pid;
  }

  get alive(): boolean {
    return !this.over;
  }

  async request<T>(body: object): Promise<T> {
    if (this.over) throw new Error(`${this.name} is not running`);
    const id = this.next++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (message: never) => void, reject });
      this.child.stdin.write(`${JSON.stringify({ ...body, id })}\n`);
    });
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}
