/** The shell around `decideRegion`: reads the claim table and PostgreSQL, carries out actions, informs the leader's half. */

import type { Guard } from "../leader/guard.js";
import type { Gate, View } from "../leader/leader-facts.js";
import { keysOf } from "../leader/leader-keys.js";
import type { Clock } from "../shared/clock.js";
import type { Log } from "../shared/log.js";
import { unsavedEpoch } from "./diverged.js";
import type { RegionConfig } from "./known.js";
import { decideRegion, explain, HELD_UP_MILLIS, type RegionStep } from "./region-decision.js";
import {
  initialRegionState,
  type LogEnd,
  type Mark,
  type Reading,
  type RegionAction,
  type RegionEvent,
  type RegionState,
  type Status,
} from "./region-facts.js";
import { changeRole, forgetCluster, raiseEpoch, regionViewOf } from "./region-keys.js";
import { patroniMayRun, replicaUntil, standbyLeaderMayServe } from "./region-lease.js";

/** The claim table, in either region. */
export interface ClaimTable {
  /** @throws Error when neither region's replica gives a valid answer. */
  read(): Promise<Reading>;
  /** @returns false when another guard has written since. @throws Error when no replica answers: the write may have succeeded. */
  writeStatus(status: Status): Promise<boolean>;
}

/** The log of PostgreSQL on this node. */
export interface LocalLog {
  /** @throws Error while PostgreSQL doesn't answer. */
  end(): Promise<LogEnd>;
  /** Settles after the mark is committed as safely as any commit. @throws Error when that isn't certain. */
  mark(mark: Mark): Promise<void>;
}

const TICK_MILLIS = 100;
/** How often the guard queries PostgreSQL: `soon` during a change, `usual` (the leader's renewal interval) otherwise. */
const LOG_MILLIS = { soon: 100, usual: 400 } as const;

/** Until the first reading: allows nothing. */
export const SHUT_GATE: Gate = {
  writesUntil: 0,
  replicaUntil: 0,
  standbyLeaderMayServe: false,
  patroniMayRun: false,
  isStandby: false,
  standsAside: false,
};

/** The guard's other half, which holds the leader lease. */
export type LeaderHalf = Pick<Guard, "config" | "onView" | "allow" | "shut" | "transact">;

/** Everything that the region's half uses outside its own process. */
export interface RegionPorts {
  readonly clock: Clock;
  readonly claims: ClaimTable;
  readonly postgres: LocalLog;
  readonly log: Log;
}

export class Region {
  private current: RegionState = initialRegionState();
  private readonly keys;
  protected readonly rules: RegionConfig;
  /** Kinds of work under way: each runs once at a time. */
  private readonly busy = new Set<string>();
  private logAskedAt = Number.NEGATIVE_INFINITY;
  private stopped = false;
  /** Time of the last turn; infinite before the first, which is never late. */
  private turnAt = Number.POSITIVE_INFINITY;
  private config: string | undefined;
  /** How many reads of the claims have failed since the start, in both regions' replicas. */
  readFailures = 0;

  constructor(
    private readonly guard: LeaderHalf,
    private readonly ports: RegionPorts,
  ) {
    const { config } = guard;
    this.keys = keysOf(config);
    this.rules = {
      node: config.node,
      address: config.address,
      rules: config.region.rules,
      startsAsStandby: config.region.startsAsStandby,
    };
    guard.onView = (view) => this.see(view);
  }

  get state(): RegionState {
    return this.current;
  }

  /** For people. */
  get waitsFor() {
    return explain(this.rules, this.current, this.ports.clock.now());
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    while (!this.stopped) {
      this.turn();
      this.askPostgres();
      await this.ports.clock.sleep(TICK_MILLIS);
    }
  }

  stop(): void {
    this.stopped = true;
  }

  /** Takes over what the keeper has read. */
  learn(event: Extract<RegionEvent, { kind: "data" }>): void {
    this.feed(event);
  }

  private see(view: View): void {
    this.config = view.region.config;
    this.feed({ kind: "view", view: regionViewOf(view, this.guard.config) });
  }

  private turn(): void {
    const now = this.ports.clock.now();
    const heldUpUntil = now - this.turnAt > HELD_UP_MILLIS ? now : undefined;
    this.turnAt = now;
    this.follow({ kind: "tick", heldUpUntil });
  }

  private feed(event: RegionEvent): void {
    // After a pause, answers that were under way arrive before the late turn: the state must know of the pause first.
    if (this.ports.clock.now() - this.turnAt > HELD_UP_MILLIS) this.turn();
    this.follow(event);
  }

  protected decide(event: RegionEvent): RegionStep {
    return decideRegion(this.rules, this.current, event, this.ports.clock.now());
  }

  private follow(event: RegionEvent): void {
    const { state, actions } = this.decide(event);
    this.logClaims(this.current.reading, state.reading);
    this.current = state;
    const closing = actions.find((action) => action.kind === "close");
    this.guard.allow(this.gate(), closing?.kind === "close" ? closing.reason : undefined);
    for (const action of actions) this.carryOut(action);
  }

  private gate(): Gate {
    const { current, rules } = this;
    return {
      writesUntil: current.permitUntil,
      replicaUntil: replicaUntil(rules, current),
      standbyLeaderMayServe: standbyLeaderMayServe(current),
      patroniMayRun: patroniMayRun(rules, current),
      isStandby: current.view?.role?.kind === "standby",
      standsAside: current.view?.role?.kind === "standby" && unsavedEpoch(current) !== undefined,
    };
  }

  /** Logs the claims when they change. */
  private logClaims(before: Reading | undefined, after: Reading | undefined): void {
    if (!after || (before?.own === after.own && before.peer === after.peer)) return;
    this.ports.log("claims", {
      own: after.own,
      peer: after.peer,
      opened: after.mine.opened,
      peerOpened: after.theirs.opened,
    });
  }

  private carryOut(action: RegionAction): void {
    switch (action.kind) {
      case "close":
        this.once("close", async () => {
          await this.guard.shut(action.reason);
          this.feed({ kind: "closed", at: this.ports.clock.now() });
        });
        return;
      case "read-claims":
        this.once("read-claims", async () =>
          this.feed({ kind: "reading", reading: await this.ports.claims.read() }),
        );
        return;
      case "write-status":
        this.once("write-status", () => this.writeStatus(action.status, action.reason));
        return;
      case "raise-epoch":
        this.once("raise-epoch", async () => {
          const { succeeded } = await this.guard.transact(raiseEpoch(this.keys, action));
          if (succeeded) this.ports.log("epoch-raised", { epoch: action.epoch });
        });
        return;
      case "change-role":
        this.once("change-role", () => this.changeRole(action));
        return;
      case "forget-cluster":
        this.once("forget-cluster", async () => {
          const { succeeded } = await this.guard.transact(forgetCluster(this.keys, action));
          if (succeeded) this.ports.log("cluster-forgotten", { reason: action.reason });
        });
        return;
      case "mark-log":
        this.once("mark-log", async () => {
          await this.ports.postgres.mark(action.mark);
          this.ports.log("marked-log", { ...action.mark });
          this.logAskedAt = Number.NEGATIVE_INFINITY;
          this.askPostgres();
        });
    }
  }

  private async writeStatus(status: Status, reason: string): Promise<void> {
    const startedAt = this.ports.clock.now();
    const { position } = status;
    // A position that was published before keeps its time: a new time would make a log that has reached it look current.
    const wallMillis = position?.wallMillis || this.ports.clock.wall();
    const stamped = position ? { ...status, position: { ...position, wallMillis } } : status;
    const written = await this.ports.claims.writeStatus(stamped);
    if (reason !== PUBLISHES || !written)
      this.ports.log(written ? "status-written" : "status-refused", { reason, sequence: status.sequence });
    if (written) this.feed({ kind: "status-written", status: stamped, startedAt });
    else this.feed({ kind: "reading", reading: await this.ports.claims.read() });
  }

  private async changeRole(action: Extract<RegionAction, { kind: "change-role" }>): Promise<void> {
    const { config } = this;
    // The port must be closed before the role changes.
    await this.closed;
    if (config === undefined || this.ports.clock.now() > action.notAfter) return;
    const { succeeded } = await this.guard.transact(changeRole(this.keys, action, config, this.guard.config));
    const { role, reason, opening, extent } = action;
    this.ports.log(succeeded ? "role-changed" : "role-change-refused", {
      role: role.kind,
      source: role.kind === "standby" ? role.source : undefined,
      reason: succeeded ? reason : `the keys changed first; the reason was: ${reason}`,
      lagMillis: opening?.lagMillis,
      extent,
    });
  }

  private closed: Promise<unknown> = Promise.resolve();

  private once(kind: string, work: () => Promise<void>): void {
    if (this.busy.has(kind)) return;
    this.busy.add(kind);
    const done = work()
      .catch((error) => {
        if (kind === "read-claims") this.readFailures++;
        this.ports.log(`${kind}-failed`, { error: String(error) });
      })
      .finally(() => this.busy.delete(kind));
    if (kind === "close") this.closed = done;
  }

  private askPostgres(): void {
    const { current } = this;
    const soon = current.view?.term !== undefined && current.permitUntil <= this.ports.clock.now();
    const pace = soon ? LOG_MILLIS.soon : LOG_MILLIS.usual;
    if (this.ports.clock.now() - this.logAskedAt < pace) return;
    this.once("ask-postgres", async () => {
      this.logAskedAt = this.ports.clock.now();
      this.feed({ kind: "log", log: await this.ports.postgres.end() });
    });
  }
}

/** Published as often as the claims are read: too often for a line each. */
const PUBLISHES = "publishes";
