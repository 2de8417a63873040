/** One psql over the local socket, as PostgreSQL's own user, kept open while a switchover asks its questions. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

const COMMAND =
  "setpriv --reuid=postgres --regid=postgres --init-groups psql -XAtq -F , -h /var/run/postgresql -d postgres";
const END = "--end--";

export class Psql {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private lines: string[] = [];
  private errors = "";
  private waiting: { resolve(lines: string[]): void; reject(error: Error): void } | undefined;

  constructor(command: readonly string[] = COMMAND.split(" ")) {
    const [program, ...args] = command;
    this.child = spawn(program as string, args, { stdio: ["pipe", "pipe", "pipe"] });
    const failed = (why: string) => {
      this.waiting?.reject(new Error(why));
      this.waiting = undefined;
    };
    this.child.on("error", ({ message }) => failed(message));
    this.child.on("exit", () => failed(`psql ended: ${this.errors.trim()}`));
    this.child.stdin.on("error", () => {});
    this.child.stderr.on("data", (data: Buffer) => {
      this.errors += data.toString();
    });
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      if (line !== END) {
        this.lines.push(line);
        return;
      }
      const lines = this.lines;
      this.lines = [];
      if (/^(ERROR|FATAL|PANIC)/m.test(this.errors)) failed(this.errors.trim());
      else this.waiting?.resolve(lines);
      this.waiting = undefined;
      this.errors = "";
    });
  }

  /** Rows, their columns split at commas. @throws Error with psql's message, or when it takes too long. */
  async query(sql: string, timeoutMillis = 1000): Promise<string[][]> {
    if (this.waiting) throw new Error("one query at a time");
    let timer: NodeJS.Timeout | undefined;
    try {
      const lines = await new Promise<string[]>((resolve, reject) => {
        this.waiting = { resolve, reject };
        timer = setTimeout(
          () => reject(new Error(`no answer from PostgreSQL in ${timeoutMillis} ms`)),
          timeoutMillis,
        );
        this.child.stdin.write(`${sql};\n\\echo ${END}\n`);
      });
      return lines.map((line) => line.split(","));
    } finally {
      clearTimeout(timer);
      this.waiting = undefined;
    }
  }

  close(): void {
    this.child.kill("SIGKILL");
  }
}
