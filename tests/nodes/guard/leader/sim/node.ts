/** A simulated machine: its clock, its links, its kernel's port, PostgreSQL's log and quorum commit. */
import { Process, type World } from "../../sim/world.js";

export class SimNode {
  /** Patroni and PostgreSQL share a fate here; the guard is its own process. */
  readonly database: Process;
  readonly guardProcess: Process;
  readonly cuts = new Set<"in" | "out" | "etcd-in" | "etcd-out">();
  /** Milliseconds that etcd's answers take beyond what is usual: nearly as long as a request may. */
  answersTake = 0;
  /** Milliseconds that the kernel's helper takes for an order, at most. */
  kernelTakes = 3;
  readonly muted = new Set<string>();
  private mutes = 0;
  readonly postgres: Postgres;
  /** Patroni's connections to etcd are cut off. */
  onShutOut: () => void = () => {};
  /** Patroni here believes that it holds the leader key. */
  holdsLock = false;
  /** The wall clock's steps; only a mutant reads it. */
  wallStep = 0;
  /** True time until which clients are served, and as what. */
  private open = { until: 0, as: "replica" as "leader" | "replica" };
  /** True time until which the kernel lets Patroni speak with etcd. */
  private admittedUntil = 0;

  constructor(
    readonly world: World,
    readonly name: string,
    /** 1 ± 0.01 */
    readonly rate: number,
    private readonly offset: number,
    readonly all: SimNode[],
    /** The kernel has the rule that keeps Patroni from etcd. */
    private readonly keepsPatroni: boolean,
  ) {
    this.database = new Process(world);
    this.guardProcess = new Process(world);
    this.postgres = new Postgres(this);
  }

  get alive(): boolean {
    return this.database.alive;
  }

  get clock(): number {
    return this.offset + this.world.now * this.rate;
  }

  setPort(remaining: number, as: "leader" | "replica"): void {
    this.open = { until: this.world.now + remaining / this.rate, as };
    this.world.note(`${this.name} ${remaining > 0 ? `open as ${as} for ${remaining.toFixed(0)}` : "closed"}`);
  }

  /** For so long only: the kernel's elements run out. */
  mute(names: readonly string[], seconds: number): void {
    this.muted.clear();
    for (const name of names) this.muted.add(name);
    const mutes = ++this.mutes;
    this.world.after(seconds * 1000, () => {
      if (mutes === this.mutes) this.muted.clear();
    });
  }

  admit(remaining: number): void {
    this.admittedUntil = this.world.now + remaining / this.rate;
  }

  get isAdmitted(): boolean {
    return !this.keepsPatroni || this.world.now < this.admittedUntil;
  }

  get isOpen(): boolean {
    return this.alive && this.world.now < this.open.until;
  }

  get leads(): boolean {
    return this.isOpen && this.open.as === "leader";
  }

  /** Clients can write here and see it acknowledged. A frozen machine may go on at any time, so it counts. */
  get writable(): boolean {
    return this.isOpen && this.postgres.role === "primary";
  }

  canSend(to: SimNode): boolean {
    return this.alive && to.alive && !this.cuts.has("out") && !to.cuts.has("in");
  }

  /**
   * A request to etcd, sent once. The answer is undefined after the time-out, though the request may
   * have been carried out.
   */
  ask<T>(process: Process, timeout: number, request: () => T, done: (answer: T | undefined) => void): void {
    const { world } = this;
    const { generation } = process;
    let settled = false;
    const settle = (answer: T | undefined): void => {
      if (settled) return;
      settled = true;
      done(answer);
    };
    world.after(timeout / this.rate, () => settle(undefined), process);
    const blocked = (way: "in" | "out") => this.cuts.has(way) || this.cuts.has(`etcd-${way}`) || !this.alive;
    if (blocked("out")) return;
    world.after(world.delay(), () => {
      if (world.etcdDown) return;
      let answer: T;
      try {
        answer = request();
      } catch {
        return;
      }
      world.after(this.answersTake + world.delay(), () => {
        if (!blocked("in")) process.do(() => settle(answer), generation);
      });
    });
  }
}

/** A log of records, and commits that wait for standbys. */
export class Postgres {
  role: "primary" | "replica" | "down" = "replica";
  timeline = 1;
  /** Timelines that it came through. */
  ancestors: number[] = [];
  log: number[] = [];
  upstream: string | undefined;
  /** synchronous_standby_names = ANY numsync (names) */
  names = new Set<string>();
  numsync = 0;
  /** Per standby: how much it has flushed, and when it last said so. */
  readonly standbys = new Map<string, { position: number; at: number }>();
  private waiting: { id: number; position: number }[] = [];
  onAcknowledged: (id: number) => void = () => {};

  constructor(private readonly node: SimNode) {}

  write(id: number): void {
    this.log.push(id);
    this.waiting.push({ id, position: this.log.length });
    this.settle();
  }

  become(role: Postgres["role"]): void {
    this.role = role;
    if (role !== "primary") this.waiting = [];
    this.standbys.clear();
    this.node.world.note(`${this.node.name} postgres ${role} on ${this.timeline}`);
  }

  promote(timeline: number): void {
    this.ancestors = [...this.ancestors, this.timeline];
    this.timeline = timeline;
    this.become("primary");
  }

  setNames(names: Iterable<string>, numsync: number): void {
    this.names = new Set(names);
    this.numsync = numsync;
    this.settle();
  }

  /** Commits that have what they waited for. The kernel resets a connection whose answer it must not let out. */
  settle(): void {
    if (this.role !== "primary") return;
    this.waiting = this.waiting.filter(({ id, position }) => {
      const acks = [...this.standbys].filter(([name, at]) => this.names.has(name) && at.position >= position);
      if (acks.length < this.numsync) return true;
      if (this.node.isOpen) this.onAcknowledged(id);
      return false;
    });
  }

  /** Asks its source for more, and tells it what is flushed. */
  stream(): void {
    const { node } = this;
    const source = node.all.find(({ name }) => name === this.upstream);
    if (this.role !== "replica" || !source || source === node || source.postgres.role !== "primary") return;
    if (!source.canSend(node) || !node.canSend(source)) return;
    const { world } = node;
    const shared = this.log.length === 0 || source.postgres.log[this.log.length - 1] === this.log.at(-1);
    if (!shared || this.timeline > source.postgres.timeline) {
      // pg_rewind: back to where they were one.
      while (this.log.length > 0 && source.postgres.log[this.log.length - 1] !== this.log.at(-1))
        this.log.pop();
      this.timeline = source.postgres.timeline;
      this.ancestors = source.postgres.ancestors;
      return;
    }
    const data = source.postgres.log.slice(this.log.length);
    const from = this.log.length;
    const { timeline, ancestors } = source.postgres;
    world.after(
      world.delay(),
      () => {
        if (this.role !== "replica" || this.upstream !== source.name || this.log.length !== from) return;
        this.log.push(...data);
        this.timeline = timeline;
        this.ancestors = ancestors;
        const position = this.log.length;
        if (!node.canSend(source)) return;
        world.after(
          world.delay(),
          () => {
            const last = source.postgres.log[position - 1];
            if (source.postgres.role !== "primary" || (position > 0 && last !== this.log[position - 1]))
              return;
            source.postgres.standbys.set(node.name, { position, at: world.now });
            source.postgres.settle();
          },
          source.database,
        );
      },
      node.database,
    );
  }
}
