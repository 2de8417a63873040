/** The shell around the guard's decision, as `nodes/guard/guard.ts`, on simulated messages. */

import { pace, decide as realDecide } from "../../../../nodes/guard/leader/leader-decision.js";
import {
  type Action,
  type Event,
  initialState,
  type State,
} from "../../../../nodes/guard/leader/leader-facts.js";
import {
  confession,
  keysOf,
  renewal,
  renewedView,
  type Transaction,
  takeover,
  unmarking,
  viewOf,
} from "../../../../nodes/guard/leader/leader-keys.js";
import { newer, type Picture, readAfter } from "../../../../nodes/guard/leader/picture.js";
import { markerOf } from "../../../../nodes/guard/leader/succession.js";
import type { GuardConfig } from "../../../../nodes/guard/shared/config.js";
import type { Outcome } from "../../../../nodes/guard/shared/etcd.js";
import type { SimNode } from "./node.js";

/** Ways to be wrong, for tests that must notice. */
export interface Mutation {
  decide?: typeof realDecide;
  transaction?: (transaction: Transaction, action: Action) => Transaction;
  clock?: (node: SimNode) => number;
  skip?: (action: Action) => boolean;
  /** Start of a renewal, as told to the decision. */
  startOf?: (startedAt: number, endedAt: number) => number;
}

export class SimGuard {
  state: State;
  private readonly queue = new Map<string, Action>();
  private busy = false;
  private kernelFree = 0;
  private markers = 0;
  private picture: Picture | undefined;
  private readonly keys;

  constructor(
    private readonly node: SimNode,
    readonly config: GuardConfig,
    private readonly mutation: Mutation,
  ) {
    this.keys = keysOf(config);
    this.state = initialState(this.clock);
  }

  private get clock(): number {
    return (this.mutation.clock ?? ((node) => node.clock))(this.node);
  }

  /** @param patroniIsOlder this process starts beside a Patroni that has run for a while */
  start(patroniIsOlder = false): void {
    this.state = initialState(this.clock, patroniIsOlder);
    this.queue.clear();
    this.busy = false;
    this.picture = undefined;
    this.loop();
    this.askPatroni();
  }

  feed(event: Event): void {
    const step = (this.mutation.decide ?? realDecide)(this.config, this.state, event, this.clock);
    this.state = step.state;
    let closedAt: number | undefined;
    for (const action of step.actions) {
      if (this.mutation.skip?.(action)) continue;
      switch (action.kind) {
        case "open":
          this.kernel(() => this.node.setPort(Math.max(0, action.until - this.clock), action.as));
          break;
        case "close":
          closedAt = this.kernel(() => this.node.setPort(0, "replica"));
          break;
        case "admit":
          this.kernel(() => this.node.admit(Math.max(0, action.until - this.clock)));
          break;
        case "shut-out":
          this.kernel(() => {
            this.node.admit(0);
            this.node.onShutOut();
          });
          break;
        case "mute":
          this.node.muted.clear();
          for (const name of action.nodes) this.node.muted.add(name);
          break;
        case "probe":
          this.probe(action.node);
          break;
        case "confess":
          this.later((closedAt ?? this.node.world.now) - this.node.world.now + 0.1, () =>
            this.enqueue(action),
          );
          break;
        default:
          this.enqueue(action);
      }
    }
  }

  private loop(): void {
    if (!this.busy) this.feed({ kind: "tick" });
    this.later(pace(this.config, this.state).tick, () => this.loop());
  }

  private later(millis: number, run: () => void): void {
    this.node.world.after(millis, this.node.guardProcess.guarded(run));
  }

  /** One order after the other; the process may be paused before any of them. */
  private kernel(apply: () => void): number {
    const { world } = this.node;
    this.kernelFree = Math.max(world.now, this.kernelFree) + world.random() * 3;
    this.later(this.kernelFree - world.now, apply);
    return this.kernelFree;
  }

  private enqueue(action: Action): void {
    const kind = action.kind === "revoke" ? `revoke ${action.session}` : action.kind;
    this.queue.set(kind, action);
    if (!this.busy) this.next();
  }

  private next(): void {
    const first = this.queue.entries().next();
    this.busy = !first.done;
    if (first.done) return;
    const [kind, action] = first.value;
    this.queue.delete(kind);
    this.carryOut(action, () => this.next());
  }

  private transact(
    transaction: Transaction,
    action: Action,
    done: (outcome: Outcome, startedAt: number) => void,
    finish: () => void,
  ): void {
    const { compare, success, failure } = this.mutation.transaction?.(transaction, action) ?? transaction;
    const startedAt = this.clock;
    const { etcd } = this.node.world;
    this.node.ask(
      this.node.guardProcess,
      this.config.leaderLease.timeoutMillis,
      () => etcd.transact(compare, success, failure),
      (outcome) => {
        if (outcome) {
          if (outcome.ranges.length === 2 && !outcome.succeeded) this.see(outcome.ranges, startedAt);
          done(outcome, startedAt);
        } else this.feed({ kind: "tick" });
        finish();
      },
    );
  }

  private see(ranges: Outcome["ranges"], startedAt: number): void {
    const view = viewOf(this.keys, ranges, { startedAt, endedAt: this.clock });
    const lease = view.leader?.lease;
    const leaderTtlSeconds = lease ? this.node.world.etcd.ttlSeconds(lease) : undefined;
    this.feed({ kind: "view", view: { ...view, leaderTtlSeconds } });
  }

  private read(action: Action, finish: () => void): void {
    const before = this.picture;
    let again = false;
    this.transact(
      { compare: [], success: readAfter(this.keys, before), failure: [] },
      action,
      (outcome, startedAt) => {
        this.picture = newer(before, outcome);
        again = !this.picture;
        if (this.picture) this.see(this.picture.ranges, startedAt);
      },
      () => (again ? this.read(action, finish) : finish()),
    );
  }

  private carryOut(action: Action, finish: () => void): void {
    const { keys, config, node } = this;
    switch (action.kind) {
      case "read":
        this.read(action, finish);
        break;
      case "renew":
        this.transact(
          renewal(keys, action),
          action,
          (outcome, askedAt) => {
            const before = this.state.view;
            if (!outcome.succeeded || !before) return;
            const endedAt = this.clock;
            const startedAt = this.mutation.startOf?.(askedAt, endedAt) ?? askedAt;
            const view = renewedView(keys, before, action, outcome, { startedAt, endedAt });
            this.feed({ kind: "renewed", view, opens: action.opens });
          },
          finish,
        );
        break;
      case "confess":
        this.transact(confession(keys, action), action, () => {}, finish);
        break;
      case "take-over": {
        const marker = action.mark ? markerOf(node.name, String(this.markers++)) : undefined;
        const lease = marker && node.world.etcd.grant(2000);
        this.transact(
          takeover(keys, action, marker && lease ? { value: marker, lease } : undefined),
          action,
          ({ succeeded }) => {
            const before = this.state.view;
            if (!succeeded || !before) return;
            if (marker) this.feed({ kind: "marked", marker, startedAt: this.clock });
            this.feed({ kind: "tick" });
          },
          finish,
        );
        break;
      }
      case "unmark":
        this.transact(unmarking(keys, action.marker), action, () => {}, finish);
        break;
      case "revoke":
        node.ask(
          node.guardProcess,
          config.leaderLease.timeoutMillis,
          () => {
            node.world.etcd.revoke(action.session);
            return true;
          },
          (answer) => {
            this.feed(answer ? { kind: "revoked", session: action.session } : { kind: "tick" });
            finish();
          },
        );
        break;
      default:
        finish();
    }
  }

  /** Patroni answers over loopback while it runs. */
  private askPatroni(): void {
    const { node } = this;
    const startedAt = this.clock;
    const { world } = node;
    world.after(
      0.5 + world.random() * 4,
      node.database.guarded(() => {
        const { role, timeline, ancestors } = node.postgres;
        if (role === "down") return;
        const local = { startedAt, role, timeline, ancestors, holdsLock: node.holdsLock };
        this.later(0.5, () => this.feed({ kind: "local", local }));
      }),
    );
    this.later(pace(this.config, this.state).local, () => this.askPatroni());
  }

  private probe(name: string): void {
    const { node } = this;
    const { world } = node;
    const other = node.all.find((one) => one.name === name);
    let answered = false;
    const answer = (alive: boolean) => {
      if (answered) return;
      answered = true;
      this.feed({ kind: "probed", node: name, alive });
    };
    this.later(300, () => answer(false));
    if (!other || !node.canSend(other)) return;
    world.after(
      world.delay(),
      other.database.guarded(() => {
        if (other.canSend(node)) this.later(world.delay(), () => answer(true));
      }),
    );
  }
}
