/** One psql session over the local socket, as PostgreSQL's own user, kept open for several queries. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { IMAGE_PATHS } from "../../layout.js";
import { timeLimit } from "./clock.js";
import { connectionString, psqlProgram, SESSION_ENV } from "./session.js";

const { sockets } = IMAGE_PATHS;
/** PostgreSQL creates it when it begins to listen, and removes it when it stops; a crash leaves it. */
const SOCKET = `${sockets}/.s.PGSQL.5432`;
const AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"];
const END = "--end--";

/** False: PostgreSQL isn't listening. True doesn't promise that it is. */
export const mayAnswer = (): boolean => existsSync(SOCKET);

export const psqlCommand = (database = "postgres"): string[] => [
  ...AS_POSTGRES,
  ...psqlProgram(connectionString(database), "-F", ",", "-h", sockets),
];

export class Psql {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private lines: string[] = [];
  private errors = "";
  private waiting: { hasAnswer: boolean; resolve(answer: string[] | Error): void } | undefined;
  private ended: Error | undefined;

  constructor(command: readonly string[] = psqlCommand()) {
    const [program, ...args] = command;
    this.child = spawn(program as string, args, {
      env: { ...process.env, ...SESSION_ENV },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.on("error", ({ message }) => this.end(message));
    // Not on `exit`: its last output may still be unread.
    this.child.on("close", () => this.end(`psql ended: ${this.errors.trim()}`));
    this.child.stdin.on("error", () => {});
    this.child.stderr.on("data", (data: Buffer) => {
      this.errors += data.toString();
    });
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      if (line !== END) {
        this.lines.push(line);
        return;
      }
      const { lines, waiting } = this;
      this.lines = [];
      if (waiting) waiting.hasAnswer = true;
      // psql wrote its errors to the other pipe before this line. One more round of the event loop ensures that
      // they have been read.
      setImmediate(() => setImmediate(() => waiting?.resolve(lines)));
    });
  }

  /** This psql answers no more: open another one. */
  get hasEnded(): boolean {
    return this.ended !== undefined;
  }

  /**
   * @param warnings `fail`: any notice or warning counts as an error. PostgreSQL reports a commit that didn't wait for
   * standbys only as a warning.
   * @returns rows, their columns split at commas.
   * @throws Error with psql's message, or after the timeout. A timeout ends psql: its late answer would be taken for the
   * next query's. PostgreSQL itself may continue the query.
   */
  async query(sql: string, timeoutMillis = 1000, warnings: "pass" | "fail" = "pass"): Promise<string[][]> {
    if (this.waiting) throw new Error("psql takes one query at a time");
    if (this.ended) throw this.ended;
    let stopClock = () => {};
    const answer = await new Promise<string[] | Error>((resolve) => {
      const waiting = { hasAnswer: false, resolve };
      this.waiting = waiting;
      this.errors = "";
      this.child.stdin.write(`${sql};\n\\echo ${END}\n`);
      stopClock = timeLimit(timeoutMillis, () => {
        if (!waiting.hasAnswer) this.end(`no answer from PostgreSQL within ${timeoutMillis} ms`);
      });
    });
    stopClock();
    this.waiting = undefined;
    if (answer instanceof Error) throw answer;
    const errors = this.errors.trim();
    if (warnings === "fail" ? errors : /^(ERROR|FATAL|PANIC)/m.test(errors)) throw new Error(errors);
    return answer.map((line) => line.split(","));
  }

  close(): void {
    this.end("psql was closed");
  }

  private end(why: string): void {
    this.ended ??= new Error(why);
    this.waiting?.resolve(this.ended);
    this.child.kill("SIGKILL");
  }
}
