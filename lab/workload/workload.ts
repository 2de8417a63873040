/** Starts the workload's process in a machine's network, fills the ledger from it, ends it. */
import { createInterface } from "node:readline";
import type { Machine, RunningCommand } from "../twin/types.js";
import { now } from "./clock.js";
import type { Login, WorkloadConfig } from "./config.js";
import { type Ledger, parseEvent } from "./ledger.js";

/** The longest turn, and a little more: an item is written and asked for, and each answer waited for 5 s. */
const STOP_MILLIS = 12_000;

export class Workload {
  private problem: Error | undefined;
  private over = false;
  private doomed = false;
  private readonly drained: Promise<unknown>;

  private constructor(
    private readonly process: RunningCommand,
    private readonly config: WorkloadConfig,
    private readonly ledger: Ledger,
  ) {
    const lines = createInterface({ input: process.stdout as NodeJS.ReadableStream });
    lines.on("line", (line) => {
      try {
        const event = parseEvent(line);
        if (event.kind === "stopped") this.over = true;
        // One that goes down with its region ends no watch: the others go on.
        if (event.kind !== "stopped" || !this.doomed) ledger.add(event);
      } catch (error) {
        this.problem ??= error as Error;
      }
    });
    this.drained = new Promise((resolve) => lines.once("close", resolve));
    // Writing to one that has just died must not end the drill; `stop` says that it died.
    process.stdin.on("error", () => undefined);
  }

  /**
   * @param machine whose network it runs in. @param file the bundle.
   * @throws Error when it can't be started.
   */
  static async start(
    machine: Pick<Machine, "start">,
    file: string,
    config: WorkloadConfig,
    ledger: Ledger,
  ): Promise<Workload> {
    const workload = new Workload(await machine.start([process.execPath, file]), config, ledger);
    workload.process.stdin.write(`${JSON.stringify(config)}\n`);
    return workload;
  }

  /** Its next statements go through sessions of this login. */
  use(login: Login): void {
    const { user, password } = login;
    this.process.stdin.write(`${JSON.stringify({ user, password })}\n`);
  }

  /**
   * Lets it finish what is in flight and ends it.
   * @throws Error when it ended badly or before its time: then its ledger has holes.
   */
  async stop(): Promise<void> {
    const exitCode = await this.end();
    if (this.problem) throw this.problem;
    if (exitCode !== 0 || !this.over) {
      throw new Error(`the workload ended with ${exitCode} before it was stopped`);
    }
  }

  /** Its machines are about to be killed on purpose: from now on its end, whenever and however, ends no watch. */
  willBeLost(): void {
    this.doomed = true;
  }

  /**
   * Its machines have been killed. What it still tells counts; what it had under way and never told is in doubt.
   * @returns once it has ended. The drill must not wait for that: the last answers that it waits for take seconds.
   */
  async lost(): Promise<void> {
    const exitCode = await this.end();
    this.ledger.bury(this.config, now());
    // One that was killed may have been so in the middle of a line.
    if (this.problem && exitCode === 0) throw this.problem;
  }

  /** For clearing up after an error: no waiting, no account. */
  kill(): void {
    this.process.kill();
  }

  private async end(): Promise<number> {
    this.process.stdin.end();
    const killer = setTimeout(() => this.process.kill(), STOP_MILLIS);
    const exitCode = await this.process.ended;
    clearTimeout(killer);
    await this.drained;
    return exitCode;
  }
}
