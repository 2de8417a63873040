/** One psql over the local socket, as PostgreSQL's own user, kept open for as long as there are questions. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { IMAGE_PATHS } from "../../layout.js";
import { timeLimit } from "./clock.js";

const SOCKET_DIRECTORY = "/var/run/postgresql";
/** Made when PostgreSQL begins to listen, and removed when it ends; a crash leaves it. */
const SOCKET = `${SOCKET_DIRECTORY}/.s.PGSQL.5432`;
/** Not Debian's `psql`, a Perl program that finds this one: it costs more than the question. */
const COMMAND = `setpriv --reuid=postgres --regid=postgres --init-groups ${IMAGE_PATHS.postgresBin}/psql -XAtq -F , -h ${SOCKET_DIRECTORY} -d`;
const END = "--end--";

/** False: nobody listens. True promises nothing. */
export const mayAnswer = (): boolean => existsSync(SOCKET);

/** A database's name may be anything: in quotes it can't pass for a connection string. */
export const psqlCommand = (database = "postgres"): string[] => [
  ...COMMAND.split(" "),
  `dbname='${database.replaceAll(/['\\]/g, "\\$&")}'`,
];

export class Psql {
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private lines: string[] = [];
  private errors = "";
  private waiting: { hasAnswer: boolean; resolve(answer: string[] | Error): void } | undefined;
  private ended: Error | undefined;

  constructor(command: readonly string[] = psqlCommand()) {
    const [program, ...args] = command;
    this.child = spawn(program as string, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.child.on("error", ({ message }) => this.end(message));
    // Not its exit: its last words may still be on their way.
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
      // What psql has said before the end stands in the other pipe already. That pipe has surely been read when
      // the event loop has gone round once more.
      setImmediate(() => setImmediate(() => waiting?.resolve(lines)));
    });
  }

  /** It answers no more: open another. */
  get hasEnded(): boolean {
    return this.ended !== undefined;
  }

  /**
   * @param warnings `fail`: whatever PostgreSQL remarks counts as an error. It says no more than a warning where
   * a commit was not waited for.
   * @returns rows, their columns split at commas.
   * @throws Error with psql's message, or when it takes too long; psql is ended then, for its answer would be
   * taken for the next question's. PostgreSQL itself may carry on with it.
   */
  async query(sql: string, timeoutMillis = 1000, warnings: "pass" | "fail" = "pass"): Promise<string[][]> {
    if (this.waiting) throw new Error("one query at a time");
    if (this.ended) throw this.ended;
    let stopClock = () => {};
    const answer = await new Promise<string[] | Error>((resolve) => {
      const waiting = { hasAnswer: false, resolve };
      this.waiting = waiting;
      this.errors = "";
      this.child.stdin.write(`${sql};\n\\echo ${END}\n`);
      stopClock = timeLimit(timeoutMillis, () => {
        if (!waiting.hasAnswer) this.end(`no answer from PostgreSQL in ${timeoutMillis} ms`);
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
