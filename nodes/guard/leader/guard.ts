/** The shell around `decide`: queries etcd and Patroni, carries out the actions, feeds the results back. */
import { randomBytes } from "node:crypto";
import type { Clock } from "../shared/clock.js";
import type { GuardConfig } from "../shared/config.js";
import type { Etcd, Outcome } from "../shared/etcd.js";
import type { Kernel } from "../shared/kernel.js";
import type { Log } from "../shared/log.js";
import { decide, MARKER_MILLIS, pace, type Step } from "./leader-decision.js";
import {
  type Action,
  type Event,
  type Gate,
  initialState,
  OPEN_GATE,
  type State,
  type View,
} from "./leader-facts.js";
import {
  confession,
  keysOf,
  renewal,
  renewedView,
  type Transaction,
  takeover,
  unmarking,
  viewOf,
} from "./leader-keys.js";
import type { Patroni } from "./patroni.js";
import { newer, type Picture, readAfter } from "./picture.js";
import { markerOf } from "./succession.js";

/** Ends the marker if this guard dies before it removes it. etcd's shortest lease is about 1 s. */
const MARKER_LEASE_SECONDS = 2;
const MUTE_SECONDS = 5;
const PROBE_MILLIS = 300;
const LOCAL_MILLIS = 1000;

const OPEN = { leader: "open-as-leader", replica: "open-as-replica" } as const;

type EtcdAction = Extract<Action, { kind: "read" | "renew" | "confess" | "take-over" | "unmark" | "revoke" }>;

/** Everything that a guard uses outside its own process. */
export interface GuardPorts {
  readonly clock: Clock;
  readonly etcd: Pick<Etcd, "transact" | "grant" | "timeToLive" | "revoke">;
  readonly patroni: Pick<Patroni, "local" | "isAlive">;
  readonly kernel: Pick<Kernel, "open" | "close" | "admit" | "shutOut" | "mute" | "stop">;
  readonly log: Log;
}

export interface GuardStart {
  /** Whether Patroni was already running when this guard started. Default: false. */
  readonly patroniIsOlder?: boolean;
  /** What the region allows until it reports otherwise. Default: everything. */
  readonly gate?: Gate;
}

export class Guard {
  private current: State;
  private readonly keys;
  /** One request to etcd at a time, so that answers arrive in order. Of each kind only the newest waits: older ones are stale. */
  private readonly queue = new Map<string, EtcdAction>();
  private draining: Promise<void> | undefined;
  private carrying: Promise<void> | undefined;
  private stopped = false;
  private asking = false;
  private askedAt = Number.NEGATIVE_INFINITY;
  private port = "closed";
  private picture: Picture | undefined;

  constructor(
    readonly config: GuardConfig,
    private readonly ports: GuardPorts,
    { patroniIsOlder = false, gate = OPEN_GATE }: GuardStart = {},
  ) {
    this.keys = keysOf(config);
    this.current = initialState(ports.clock.now(), patroniIsOlder, gate);
  }

  /** Receives each view of etcd. The region's half of the guard sets it. */
  onView: (view: View) => void = () => {};

  get state(): State {
    return this.current;
  }

  /** This node serves writes: it leads, and its lease hasn't run out. */
  get isActive(): boolean {
    const { openAs, openUntil, local } = this.current;
    return (
      openAs === "leader" &&
      this.port === OPEN.leader &&
      this.ports.clock.now() < openUntil &&
      local?.role === "primary"
    );
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    this.ports.log("start", { node: this.config.node, leaderLease: this.config.leaderLease });
    while (!this.stopped) {
      const started = this.ports.clock.now();
      if (started - this.askedAt >= pace(this.config, this.current).local) {
        this.askedAt = started;
        void this.askPatroni();
      }
      // While a request to etcd is under way, a tick would only repeat it.
      if (!this.draining) this.feed({ kind: "tick" });
      const { current } = this;
      await this.ports.clock.sleep(
        Math.max(5, pace(this.config, current).tick - (this.ports.clock.now() - started)),
      );
    }
  }

  /** Closes the port at once. Keeps the leader key: it is Patroni's, and the next guard may be on this node. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.ports.kernel
      .close()
      .catch((error) => this.ports.log("close-failed", { error: String(error) }));
    this.ports.kernel.stop();
    this.ports.log("stop");
  }

  feed(event: Event): void {
    const { state, actions } = this.decide(event);
    if (state.forgetUntil > this.current.forgetUntil)
      this.ports.log("patroni-kept-from-etcd", {
        forMillis: Math.round(state.forgetUntil - this.ports.clock.now()),
        leader: state.view?.leader?.value,
        reason: "its view of the cluster may be out of date",
      });
    this.current = state;
    if (event.kind === "view" || event.kind === "renewed") this.onView(event.view);
    let closing: Promise<void> | undefined;
    for (const action of actions) {
      switch (action.kind) {
        case "open":
          if (this.stopped) break;
          this.note(OPEN[action.as]);
          this.attempt("open", this.ports.kernel.open(action.until));
          break;
        case "close":
          this.note("closed", action.reason);
          closing = this.ports.kernel.close();
          this.attempt("close", closing);
          break;
        case "admit":
          if (!this.stopped) this.attempt("admit", this.ports.kernel.admit(action.until));
          break;
        case "shut-out":
          void this.shutOut();
          break;
        case "mute":
          this.attempt("mute", this.mute(action.nodes));
          break;
        case "probe":
          void this.probe(action.node);
          break;
        case "confess": {
          // Only after the kernel has confirmed the close.
          const confess = action;
          void closing?.then(() => this.enqueue(confess)).catch(() => {});
          break;
        }
        default:
          this.enqueue(action);
      }
    }
  }

  protected decide(event: Event): Step {
    return decide(this.config, this.current, event, this.ports.clock.now());
  }

  /** Applies what the region allows. */
  allow(gate: Gate, reason?: string): void {
    this.feed({ kind: "gate", gate, reason });
  }

  /** Closes the port in either role. Settles after the kernel has done so: then no answer leaves this node. */
  async shut(reason: string): Promise<void> {
    this.note("closed", reason);
    await this.ports.kernel.close();
  }

  /** Stops renewals, waits for one that is under way, and closes the port. `resume` reverses it. */
  async suspend(): Promise<void> {
    this.feed({ kind: "handover", active: true });
    this.queue.delete("renew");
    await this.carrying?.catch(() => {});
    this.note("closed", "switchover");
    await this.ports.kernel.close();
  }

  resume(): void {
    this.feed({ kind: "handover", active: false });
    this.feed({ kind: "tick" });
  }

  /** Reads now. @throws Error when etcd doesn't answer. */
  async read(): Promise<View> {
    const { keys, picture: before } = this;
    const { startedAt, endedAt, ...answer } = await this.transact({
      compare: [],
      success: readAfter(keys, before),
      failure: [],
    });
    this.picture = newer(before, answer);
    return this.picture ? viewOf(keys, this.picture.ranges, { startedAt, endedAt }) : this.read();
  }

  /** Carries out a transaction. One that fails returns all keys as a view. */
  async transact(
    transaction: Transaction,
  ): Promise<Outcome & { view?: View; startedAt: number; endedAt: number }> {
    const startedAt = this.ports.clock.now();
    const outcome = await this.ports.etcd.transact(
      transaction.compare,
      transaction.success,
      transaction.failure,
    );
    const endedAt = this.ports.clock.now();
    const reads = outcome.ranges.length === 2 && !outcome.succeeded;
    return {
      ...outcome,
      startedAt,
      endedAt,
      view: reads ? viewOf(this.keys, outcome.ranges, { startedAt, endedAt }) : undefined,
    };
  }

  private enqueue(action: EtcdAction): void {
    const kind = action.kind === "revoke" ? `revoke ${action.session}` : action.kind;
    // Replaces a waiting action of the same kind in its place: frequent kinds must not starve others.
    this.queue.set(kind, action);
    this.draining ??= this.drain().finally(() => {
      this.draining = undefined;
    });
  }

  private async drain(): Promise<void> {
    for (;;) {
      const next = this.queue.entries().next();
      if (next.done || this.stopped) return;
      const [kind, action] = next.value;
      this.queue.delete(kind);
      const started = this.ports.clock.now();
      try {
        this.carrying = this.carryOut(action);
        await this.carrying;
      } catch (error) {
        this.ports.log("etcd-failed", { action: action.kind, error: String(error) });
        // This attempt used up the time of a renewal: the lease leaves no time to wait for the next tick.
        if (this.ports.clock.now() - started >= this.config.leaderLease.renewMillis)
          this.feed({ kind: "tick" });
      }
    }
  }

  private async carryOut(action: EtcdAction): Promise<void> {
    switch (action.kind) {
      case "read": {
        const view = await this.read();
        const ttl =
          action.withTtl && view.leader ? await this.ports.etcd.timeToLive(view.leader.lease) : undefined;
        this.feed({ kind: "view", view: { ...view, leaderTtlSeconds: ttl } });
        return;
      }
      case "renew": {
        const outcome = await this.transact(renewal(this.keys, action));
        if (outcome.view) this.feed({ kind: "view", view: outcome.view });
        const before = this.current.view;
        if (!outcome.succeeded || !before) return;
        const { startedAt, endedAt } = outcome;
        const renewed = renewedView(this.keys, before, action, outcome, { startedAt, endedAt });
        this.feed({ kind: "renewed", view: renewed, opens: action.opens });
        return;
      }
      case "confess": {
        const { view } = await this.transact(confession(this.keys, action));
        if (view) this.feed({ kind: "view", view });
        return;
      }
      case "take-over":
        return this.takeOver(action);
      case "unmark": {
        await this.transact(unmarking(this.keys, action.marker));
        this.ports.log("unmarked", { marker: action.marker });
        this.feed({ kind: "view", view: await this.read() });
        return;
      }
      case "revoke":
        await this.ports.etcd.revoke(action.session);
        this.ports.log("revoked", { session: action.session });
        this.feed({ kind: "revoked", session: action.session });
    }
  }

  private async takeOver(action: Extract<Action, { kind: "take-over" }>): Promise<void> {
    const marker = action.mark
      ? {
          value: markerOf(this.config.node, randomBytes(4).toString("hex")),
          lease: await this.ports.etcd.grant(MARKER_LEASE_SECONDS),
        }
      : undefined;
    const { succeeded, view, endedAt } = await this.transact(takeover(this.keys, action, marker));
    const { leader } = action.expect;
    this.ports.log(succeeded ? "took-over" : "take-over-refused", {
      from: leader.value,
      waitedMillis: action.waitedMillis,
      marker: marker?.value,
      reason: succeeded
        ? "its heartbeat has not changed for longer than its lease"
        : "the keys changed first",
    });
    if (view) this.feed({ kind: "view", view });
    if (!succeeded) return;
    if (marker) {
      this.feed({ kind: "marked", marker: marker.value, startedAt: endedAt });
      void this.ports.clock.sleep(MARKER_MILLIS + 5).then(() => this.feed({ kind: "tick" }));
    }
    this.feed({ kind: "view", view: await this.read() });
    this.feed({ kind: "tick" });
  }

  private async askPatroni(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const local = await this.ports.patroni.local(this.config.address, LOCAL_MILLIS);
      if (local) this.feed({ kind: "local", local });
    } catch (error) {
      this.ports.log("patroni-silent", { error: String(error) });
    } finally {
      this.asking = false;
    }
  }

  private async probe(node: string): Promise<void> {
    const address = this.addressOf(node);
    const alive = address !== undefined && (await this.ports.patroni.isAlive(address, PROBE_MILLIS));
    this.ports.log("probed", { node, alive, reason: "its heartbeat has stopped" });
    this.feed({ kind: "probed", node, alive });
  }

  private async shutOut(): Promise<void> {
    try {
      await this.ports.kernel.shutOut();
    } catch (error) {
      this.ports.log("shut-out-failed", { error: String(error) });
      this.feed({ kind: "shut-out-failed" });
    }
  }

  private async mute(nodes: readonly string[]): Promise<void> {
    const addresses = nodes.map((node) => this.addressOf(node)).filter((address) => address !== undefined);
    await this.ports.kernel.mute(addresses, MUTE_SECONDS);
    this.ports.log("muted", { nodes });
  }

  private addressOf(node: string): string | undefined {
    return this.config.members.find(({ name }) => name === node)?.address;
  }

  private attempt(what: string, work: Promise<void>): void {
    void work.catch((error) => {
      this.port = "unknown";
      this.ports.log(`${what}-failed`, { error: String(error) });
    });
  }

  /** Logs only changes of the port: renewals set it several times a second. */
  private note(port: string, reason?: string): void {
    if (port !== this.port) this.ports.log(port, { reason, leader: this.current.view?.leader?.value });
    this.port = port;
  }
}
