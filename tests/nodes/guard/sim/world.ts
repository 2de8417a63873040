/**
 * Virtual time, machines that freeze, clocks that run apart, messages that are slow, lost or cut.
 *
 * The guard's own classes run in it, and wait for promises. Each promise that a port gives them settles in an event of
 * this world; before the next event all that follows from it has run. So a run is the same for the same seed.
 */
import { SimEtcd } from "./etcd.js";

/** Numbers from a seed; the same seed gives the same run. */
export function generator(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Whose work it is; it waits while that is paused. */
  readonly process: Process | undefined;
  readonly generation: number;
}

export class World {
  now = 0;
  readonly etcd: SimEtcd;
  readonly random: () => number;
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  /** What has happened in this run, for a table of what the runs exercise. */
  readonly seen = new Set<string>();
  /** No node reaches etcd. */
  etcdDown = false;
  private readonly heap: Entry[] = [];
  private order = 0;
  /** A promise has been settled, and what waits for it has not run yet. */
  private isUnsettled = false;

  constructor(
    seed: number,
    readonly slowness: number,
  ) {
    this.random = generator(seed);
    this.etcd = new SimEtcd(() => this.now);
  }

  /**
   * @param process whose work it is: it waits for the end of a pause, and is dropped when the process is killed meanwhile
   * @param generation of the process that this is for: of an answer, the one that asked. Default: the present one.
   */
  after(millis: number, run: () => void, process?: Process, generation = process?.generation ?? 0): void {
    this.push(this.now + Math.max(0, millis), run, process, generation);
  }

  /** Work of a process that came due while that was paused. */
  again({ run, process, generation }: Entry): void {
    this.push(this.now, run, process, generation);
  }

  /** Runs all that is due by then, and what follows from it. */
  async runUntil(end: number): Promise<void> {
    const { heap, violations } = this;
    for (let first = heap[0]; first && first.at <= end && violations.length === 0; first = heap[0]) {
      this.pop();
      this.now = first.at;
      if (first.process && !first.process.takesUp(first)) continue;
      first.run();
      if (!this.isUnsettled) continue;
      this.isUnsettled = false;
      // Node runs no next tick before all reactions to settled promises, and to those that they settle, have run.
      await new Promise(process.nextTick);
    }
    this.now = Math.max(this.now, end);
  }

  /**
   * What a port of a process gives: an answer after so long. Later where the process is paused then, and never if it has
   * been killed meanwhile.
   * @param answer what it throws rejects
   */
  answer<T>(process: Process, millis: number, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.after(
        millis,
        () => {
          this.isUnsettled = true;
          try {
            resolve(answer());
          } catch (error) {
            reject(error);
          }
        },
        process,
      );
    });
  }

  /** Settles promises of the guard's classes in an event. */
  settle(settle: () => void): void {
    this.isUnsettled = true;
    settle();
  }

  /** One way. Mostly a millisecond, sometimes long: as long as a renewal may take, or longer. */
  delay(): number {
    const { random } = this;
    if (random() < this.slowness) return random() * 350;
    return 0.3 + random() * 2;
  }

  violation(what: string): void {
    this.violations.push(`${Math.round(this.now)} ms: ${what}`);
  }

  note(what: string): void {
    this.trace.push(`${this.now.toFixed(0).padStart(6)} ${what}`);
  }

  private push(at: number, run: () => void, process: Process | undefined, generation: number): void {
    const { heap } = this;
    const entry = { at, order: this.order++, run, process, generation };
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[i] = heap[parent] as Entry;
      i = parent;
    }
    heap[i] = entry;
  }

  private pop(): void {
    const last = this.heap.pop() as Entry;
    if (this.heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.heap.length) break;
      const right = this.heap[child + 1];
      if (right && isBefore(right, this.heap[child] as Entry)) child++;
      if (!isBefore(this.heap[child] as Entry, last)) break;
      this.heap[i] = this.heap[child] as Entry;
      i = child;
    }
    this.heap[i] = last;
  }
}

const isBefore = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** What can be paused: work that comes due meanwhile happens afterwards, in order. */
export class Process {
  alive = true;
  /** Work of an earlier one is dropped. */
  generation = 0;
  private readonly paused = new Set<string>();
  private deferred: Entry[] = [];

  constructor(private readonly world: World) {}

  /** Whether it does this work now; else afterwards, or never. */
  takesUp(work: Entry): boolean {
    if (!this.alive || work.generation !== this.generation) return false;
    if (this.paused.size === 0) return true;
    this.deferred.push(work);
    return false;
  }

  /** Does this now, after the pause, or never if it is dead. */
  do(run: () => void, generation = this.generation): void {
    if (this.takesUp({ at: this.world.now, order: 0, run, process: this, generation })) run();
  }

  get isPaused(): boolean {
    return this.paused.size > 0;
  }

  pause(why: string): void {
    this.paused.add(why);
  }

  resume(why: string): void {
    this.paused.delete(why);
    if (this.paused.size > 0) return;
    const { deferred } = this;
    this.deferred = [];
    // One event each: what follows from one has run before the next.
    for (const work of deferred) this.world.again(work);
  }

  kill(): void {
    this.alive = false;
    this.generation++;
    this.deferred = [];
  }

  start(): void {
    this.alive = true;
  }
}
