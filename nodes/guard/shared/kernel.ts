/** The kernel's leases, set by the child process `lease.py`. A child that doesn't answer is replaced. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

const ANSWER_MILLIS = 500;
/**
 * For the first answer of a new child: a busy machine may take seconds to start it. With the usual limit the guard would
 * kill and restart it for ever, and make the machine busier.
 */
const FIRST_ANSWER_MILLIS = 5000;

type Order =
  | { readonly open: number }
  | { readonly close: true }
  | { readonly admit: number }
  | { readonly shutOut: true }
  | { readonly mute: readonly string[]; readonly seconds: number };

const kindOf = (order: Order) =>
  "mute" in order ? "mute" : "admit" in order || "shutOut" in order ? "etcd" : "port";

export class Kernel {
  private child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  private hasAnswered = false;
  private hasAdmitted = false;
  private waiting: ((answer: string | undefined) => void) | undefined;
  /** Orders run one after the other: a later close always follows an earlier open. */
  private last: Promise<unknown> = Promise.resolve();
  private readonly newest: { port?: Order; etcd?: Order; mute?: Order } = {};

  /**
   * @param program path of lease.py
   * @param admitted in-memory file, created at the first admission: from then on Patroni may have read etcd
   */
  constructor(
    private readonly program: string,
    private readonly admitted?: string,
  ) {}

  /** @param until milliseconds of the monotonic clock; nothing opens when this time has passed */
  open(until: number): Promise<void> {
    return this.order({ open: Math.floor(until * 1e6) });
  }

  close(): Promise<void> {
    return this.order({ close: true });
  }

  /** @param until until when Patroni may use etcd, in milliseconds of the monotonic clock */
  admit(until: number): Promise<void> {
    if (this.admitted && !this.hasAdmitted) {
      writeFileSync(this.admitted, "");
      this.hasAdmitted = true;
    }
    return this.order({ admit: Math.floor(until * 1e6) });
  }

  /** Keeps Patroni from etcd from now on, and ends its connections there. @throws Error when that fails */
  shutOut(): Promise<void> {
    return this.order({ shutOut: true });
  }

  mute(addresses: readonly string[], seconds: number): Promise<void> {
    return this.order({ mute: addresses, seconds });
  }

  stop(): void {
    this.child?.kill("SIGKILL");
    this.child = undefined;
  }

  private order(order: Order): Promise<void> {
    const kind = kindOf(order);
    this.newest[kind] = order;
    // While the helper hangs, orders arrive faster than they fail: an order that a later one replaces is dropped, except
    // closing ones, because their callers wait for them.
    const isStale = () => !("close" in order || "shutOut" in order) && this.newest[kind] !== order;
    const result = this.last.then(() => (isStale() ? undefined : this.ask(order)));
    this.last = result.catch(() => {});
    return result;
  }

  private async ask(order: Order): Promise<void> {
    const child = this.start();
    const answer = await new Promise<string | undefined>((resolve) => {
      const limit = this.hasAnswered ? ANSWER_MILLIS : FIRST_ANSWER_MILLIS;
      const timer = setTimeout(() => resolve(undefined), limit);
      this.waiting = (line) => {
        clearTimeout(timer);
        resolve(line);
      };
      child.stdin.write(`${JSON.stringify(order)}\n`);
    });
    this.waiting = undefined;
    if (answer === undefined) {
      // The late order must not take effect after the next one.
      this.stop();
      throw new Error("the kernel helper did not answer");
    }
    this.hasAnswered = true;
    const { ok, error } = JSON.parse(answer) as { ok: boolean; error?: string };
    if (!ok) throw new Error(`the kernel refused the order: ${error}`);
  }

  private start() {
    if (this.child) return this.child;
    const child = spawn("/usr/bin/python3", ["-I", this.program], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = () => {
      if (this.child !== child) return;
      this.child = undefined;
      this.waiting?.(undefined);
    };
    child.on("error", ended);
    child.on("exit", ended);
    child.stdin.on("error", ended);
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (this.child === child) this.waiting?.(line);
    });
    this.child = child;
    this.hasAnswered = false;
    return child;
  }
}
