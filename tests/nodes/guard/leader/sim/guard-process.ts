/** The process that `main.ts` starts on a node, its leader's half: the very class, on simulated messages. */
import type { Guard, GuardPorts } from "../../../../../nodes/guard/leader/guard.js";
import type { Clock } from "../../../../../nodes/guard/shared/clock.js";
import type { GuardConfig } from "../../../../../nodes/guard/shared/config.js";
import { KernelQueue, type LeaderMutation, simClock, WrongGuard } from "../../sim/guard.js";
import type { SimNode } from "./node.js";

/** Ways to be wrong, for tests that must notice. */
export interface Mutation extends LeaderMutation {
  readonly clock?: (node: SimNode) => number;
}

const PROBE = 300;
const DONE = Promise.resolve();

export class GuardProcess {
  guard!: Guard;
  private readonly clock: Clock;
  private readonly kernelQueue: KernelQueue;

  constructor(
    private readonly node: SimNode,
    readonly config: GuardConfig,
    private readonly mutation: Mutation,
  ) {
    const { world, guardProcess, rate } = node;
    this.kernelQueue = new KernelQueue(world);
    this.clock = simClock(world, guardProcess, rate, {
      now: () => mutation.clock?.(node) ?? node.clock,
      wall: () => node.clock + node.wallStep,
    });
  }

  /** @param patroniIsOlder this process starts beside a Patroni that has run for a while */
  start(patroniIsOlder = false): void {
    const { clock, mutation, config, node } = this;
    const log = () => {};
    const ports = { clock, log, etcd: this.etcd(), patroni: this.patroni(), kernel: this.kernel() };
    this.guard = new WrongGuard(mutation, clock, config, ports, { patroniIsOlder });
    const { guard } = this;
    // As an event: what its first steps settle has run before the next.
    void node.world
      .answer(node.guardProcess, 0, () => {})
      .then(() => guard.run())
      .catch((error) => node.world.violation(`the guard of ${node.name} ended: ${error?.stack}`));
  }

  private etcd(): GuardPorts["etcd"] {
    const { etcd } = this.node.world;
    return {
      transact: (compare, success, failure = []) => this.ask(() => etcd.transact(compare, success, failure)),
      grant: (seconds) => this.ask(() => etcd.grant(seconds * 1000)),
      timeToLive: (lease) => this.ask(() => etcd.ttlSeconds(lease)),
      revoke: (lease) => this.ask(() => etcd.revoke(lease)),
    };
  }

  private ask<T>(request: () => T): Promise<T> {
    const { node } = this;
    return new Promise((resolve, reject) =>
      node.ask(
        node.guardProcess,
        this.config.leaderLease.timeoutMillis,
        () => ({ answer: request() }),
        (found) =>
          node.world.settle(() =>
            found ? resolve(found.answer) : reject(new Error("no etcd endpoint answered in time")),
          ),
      ),
    );
  }

  /** Over loopback, while it runs; other nodes' as the network lets it. */
  private patroni(): GuardPorts["patroni"] {
    const { node, clock } = this;
    const { world, guardProcess } = node;
    return {
      local: (_address, timeoutMillis) => {
        const startedAt = clock.now();
        const { generation } = guardProcess;
        if (node.database.isPaused)
          return world.answer(guardProcess, timeoutMillis / node.rate, () => {
            throw new Error("Patroni does not answer");
          });
        return new Promise((resolve) =>
          world.after(
            0.5 + world.random() * 4,
            () => {
              const { role, timeline, ancestors } = node.postgres;
              const { holdsLock } = node;
              const local = role === "down" ? undefined : { startedAt, role, timeline, ancestors, holdsLock };
              world.after(0.5, () => world.settle(() => resolve(local)), guardProcess, generation);
            },
            node.database,
          ),
        );
      },
      isAlive: (name) =>
        new Promise((resolve) => {
          const { generation } = guardProcess;
          const answer = (millis: number, alive: boolean) =>
            world.after(millis, () => world.settle(() => resolve(alive)), guardProcess, generation);
          answer(PROBE, false);
          const other = node.all.find((one) => one.name === name);
          if (!other || !node.canSend(other)) return;
          world.after(
            world.delay(),
            () => {
              if (other.canSend(node)) answer(world.delay(), true);
            },
            other.database,
          );
        }),
    };
  }

  /** One order after the other; the process may be paused before any of them. */
  private kernel(): GuardPorts["kernel"] {
    const { node, clock } = this;
    const { world, guardProcess } = node;
    const order = (apply: () => void): Promise<void> =>
      world.answer(guardProcess, this.kernelQueue.takes(node.kernelTakes), apply);
    // The guard waits for none of these: its reaction to their end would only be another event.
    const unheard = (apply: () => void): Promise<void> => {
      world.after(this.kernelQueue.takes(node.kernelTakes), apply, guardProcess);
      return DONE;
    };
    const left = (until: number) => Math.max(0, until - clock.now());
    return {
      open: (until) => {
        const as = this.guard.state.openAs ?? "replica";
        return unheard(() => node.setPort(left(until), as));
      },
      close: () => order(() => node.setPort(0, "replica")),
      admit: (until) => unheard(() => node.admit(left(until))),
      shutOut: () =>
        order(() => {
          node.admit(0);
          node.onShutOut();
        }),
      mute: (addresses, seconds) => {
        node.mute(addresses, seconds);
        return DONE;
      },
      stop: () => {},
    };
  }
}
