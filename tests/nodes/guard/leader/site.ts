/**
 * One leader's guard, real, with etcd, Patroni, PostgreSQL and the kernel made up, and clients that do the worst:
 * they write between any two steps, and the candidate has never flushed more than the guard requires.
 */

import { Guard, type GuardPorts } from "../../../../nodes/guard/leader/guard.js";
import { keysOf } from "../../../../nodes/guard/leader/leader-keys.js";
import { MACHINE_CLOCK, monotonic } from "../../../../nodes/guard/shared/clock.js";
import type { GuardConfig } from "../../../../nodes/guard/shared/config.js";
import type { Compare, Operation } from "../../../../nodes/guard/shared/etcd.js";
import type { Psql } from "../../../../nodes/guard/shared/postgres.js";
import { REGION } from "../fakes/region.js";
import { until } from "../fakes/until.js";
import { SimEtcd } from "../sim/etcd.js";

export const config: GuardConfig = {
  node: "a",
  address: "10.0.0.1",
  members: ["a", "b", "c"].map((name, i) => ({ name, address: `10.0.0.${i + 1}` })),
  namespace: "/s/",
  scope: "x",
  dataDirectory: "/nowhere",
  etcd: [],
  tls: { authority: "", certificate: "", key: "" },
  ports: { postgres: 5432, patroni: 8008, guard: 8009 },
  leaderLease: { enabled: true, leaseMillis: 2000, renewMillis: 40, timeoutMillis: 300 },
  mayLead: true,
  region: REGION,
};
export const keys = keysOf(config);

/** What may happen at a step, before it is carried out or after. Throw to make it fail. */
export type Hook = (step: Step) => void;
export type Step =
  | "open"
  | "close"
  | "closed"
  | "checkpoint"
  | "position"
  | "flushed?"
  | "transaction"
  | "handover"
  | "handed over";

export class Site {
  readonly etcd = new SimEtcd(() => 0);
  readonly sessions: Record<"a" | "b" | "c", string>;
  readonly violations: string[] = [];
  readonly steps: Step[] = [];
  hook: Hook = () => {};
  /** Bytes written, of which each is acknowledged at once: the other standby has flushed them. */
  wal = 1000;
  private flushed = 1000;
  private asked = 0;
  private acknowledged = 0;
  private openUntil = 0;
  readonly guard = new Guard(config, {
    clock: MACHINE_CLOCK,
    etcd: this.fakeEtcd(),
    patroni: this.fakePatroni(),
    kernel: this.fakeKernel(),
    log: () => {},
  });
  private readonly running: Promise<void>;

  constructor() {
    this.sessions = { a: this.etcd.grant(20_000), b: this.etcd.grant(20_000), c: this.etcd.grant(20_000) };
    for (const [name, lease] of Object.entries(this.sessions)) this.put(keys.member(name), "{}", lease);
    this.put(keys.initialize, "1");
    this.put(keys.sync, '{"leader":"a","sync_standby":"b,c"}');
    this.put(keys.leader, "a", this.sessions.a);
    this.etcd.onChange = (key, _before, after) => {
      if (key !== keys.leader || after?.value !== "b") return;
      this.steps.push("handed over");
      if (this.isOpen) this.violations.push("the key is handed over while the port is open");
      if (this.acknowledged > this.flushed)
        this.violations.push("the new leader lacks what was acknowledged");
    };
    this.running = this.guard.run();
  }

  /** @returns once clients are served. */
  static async serving(): Promise<Site> {
    const site = new Site();
    await until(() => site.guard.isActive && site.isOpen);
    site.steps.length = 0;
    return site;
  }

  async stop(): Promise<void> {
    await this.guard.stop();
    await this.running;
  }

  get isOpen(): boolean {
    return monotonic() < this.openUntil;
  }

  get leader(): string | undefined {
    return this.etcd.get(keys.leader)?.value;
  }

  put(key: string, value: string, lease = "0"): void {
    this.etcd.transact([], [{ put: key, value, lease }], []);
  }

  /** A client that commits just now. */
  write(): void {
    this.wal += 10;
    if (!this.isOpen) return;
    this.acknowledged = this.wal;
    if (this.leader !== "a") this.violations.push(`acknowledged here while ${this.leader} leads`);
  }

  private async step(step: Step): Promise<void> {
    this.write();
    this.steps.push(step);
    this.hook(step);
    // Others run meanwhile: the guard's own loop.
    await new Promise((resolve) => setTimeout(resolve, 2));
    this.write();
  }

  private fakeEtcd(): GuardPorts["etcd"] {
    return {
      transact: async (
        compare: readonly Compare[],
        success: readonly Operation[],
        failure: readonly Operation[] = [],
      ) => {
        const hands = success.some((one) => "put" in one && one.put === keys.leader);
        await this.step(hands ? "handover" : "transaction");
        const outcome = this.etcd.transact(compare, success, failure);
        if (hands) this.hook("handed over");
        this.write();
        return outcome;
      },
      grant: async () => this.etcd.grant(2000),
      timeToLive: async (lease) => this.etcd.ttlSeconds(lease),
      revoke: async (lease) => this.etcd.revoke(lease),
    };
  }

  private fakePatroni(): GuardPorts["patroni"] {
    return {
      local: async () => ({
        startedAt: monotonic(),
        role: "primary",
        timeline: 1,
        ancestors: [],
        holdsLock: this.leader === "a",
      }),
      isAlive: async () => true,
    };
  }

  private fakeKernel(): GuardPorts["kernel"] {
    return {
      open: async (deadline: number) => {
        await this.step("open");
        this.openUntil = deadline;
      },
      close: async () => {
        await this.step("close");
        this.openUntil = 0;
        this.steps.push("closed");
      },
      admit: async () => {},
      shutOut: async () => {},
      mute: async () => {},
      stop: () => {},
    };
  }

  psql(): Psql {
    return {
      query: async (sql: string) => {
        if (sql === "CHECKPOINT") await this.step("checkpoint");
        else if (sql.includes("pg_logical_emit_message")) {
          this.wal += 10;
          this.asked = this.wal;
          await this.step("position");
          return [["0/0"], ["at", String(this.asked)]];
        } else if (sql.includes("application_name = 'b'")) {
          const answer = this.flushed;
          await this.step("flushed?");
          // What the guard requires, and not a byte more.
          this.flushed = Math.max(this.flushed, this.asked);
          return [[String(answer)]];
        } else if (sql.includes("pg_stat_replication")) {
          return [
            ["b", "streaming", "0"],
            ["c", "streaming", "0"],
          ];
        }
        return [];
      },
      close: () => {},
    } as unknown as Psql;
  }
}
