/** The shell around `decideRegion`: asks the claim table and PostgreSQL, carries out actions, tells the leader's half. */
import { monotonic, sleep } from "../shared/clock.js";
import type { Gate, View } from "../leader/leader-facts.js";
import type { Guard } from "../leader/guard.js";
import { keysOf } from "../leader/leader-keys.js";
import { log } from "../shared/log.js";
import { decideRegion, explain, HELD_UP_MILLIS } from "./region-decision.js";
import { unsavedEpoch } from "./diverged.js";
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
import type { RegionConfig } from "./known.js";
import { patroniMayRun, replicaUntil } from "./permit.js";
import { isPending } from "./ticket.js";

/** The claim table, in either region. */
export interface ClaimTable {
  /** @throws Error when neither region's replica answers, or with what is wrong there. */
  read(): Promise<Reading>;
  /** @returns false when somebody else has written since. @throws Error when nobody answers: it may be written then. */
  writeStatus(status: Status): Promise<boolean>;
}

/** PostgreSQL on this node, as far as its log is concerned. */
export interface LocalLog {
  /** @throws Error while it doesn't answer. */
  end(): Promise<LogEnd>;
  /** Settles once the mark is committed, as safely as any commit is. @throws Error when that isn't certain. */
  mark(mark: Mark): Promise<void>;
}

const TICK_MILLIS = 100;
/** How often PostgreSQL is asked: soon while something changes, else as often as the leader renews. */
const LOG_MILLIS = { soon: 100, usual: 400 } as const;

/** Nothing is known yet. */
export const SHUT_GATE: Gate = {
  writesUntil: 0,
  replicaUntil: 0,
  standbyLeaderMayServe: false,
  patroniMayRun: false,
  isStandby: false,
  standsAside: false,
};

export class Region {
  private current: RegionState = initialRegionState();
  private readonly keys;
  private readonly rules: RegionConfig;
  /** What is under way: once at a time each. */
  private readonly busy = new Set<string>();
  private logAskedAt = Number.NEGATIVE_INFINITY;
  private stopped = false;
  /** When it had its last turn; never late before the first. */
  private turnAt = Number.POSITIVE_INFINITY;
  private config: string | undefined;
  /** Readings of the claims that failed, in either region, since the start. */
  readFailures = 0;

  constructor(
    private readonly guard: Guard,
    private readonly table: ClaimTable,
    private readonly postgres: LocalLog,
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
    return explain(this.rules, this.current, monotonic());
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    this.turnAt = monotonic();
    while (!this.stopped) {
      this.turn();
      this.askPostgres();
      await sleep(TICK_MILLIS);
    }
  }

  stop(): void {
    this.stopped = true;
  }

  /** What somebody else has found out for it. */
  learn(event: Extract<RegionEvent, { kind: "data" }>): void {
    this.feed(event);
  }

  private see(view: View): void {
    this.config = view.region.config;
    this.feed({ kind: "view", view: regionViewOf(view, this.guard.config) });
  }

  private turn(): void {
    const now = monotonic();
    const heldUpUntil = now - this.turnAt > HELD_UP_MILLIS ? now : undefined;
    this.turnAt = now;
    this.decide({ kind: "tick", heldUpUntil });
  }

  private feed(event: RegionEvent): void {
    // After a pause answers that were under way come before the turn that is late: it must be known by then.
    if (monotonic() - this.turnAt > HELD_UP_MILLIS) this.turn();
    this.decide(event);
  }

  private decide(event: RegionEvent): void {
    const { state, actions } = decideRegion(this.rules, this.current, event, monotonic());
    this.tellClaims(this.current.reading, state.reading);
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
      standbyLeaderMayServe: !isPending(current),
      patroniMayRun: patroniMayRun(rules, current),
      isStandby: current.view?.role?.kind === "standby",
      standsAside: current.view?.role?.kind === "standby" && unsavedEpoch(current) !== undefined,
    };
  }

  /** Why the region waits, whenever that changes. */
  private tellClaims(before: Reading | undefined, after: Reading | undefined): void {
    if (!after || (before?.own === after.own && before.peer === after.peer)) return;
    log("claims", {
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
          this.feed({ kind: "closed", at: monotonic() });
        });
        return;
      case "read-claims":
        this.once("read-claims", async () =>
          this.feed({ kind: "reading", reading: await this.table.read() }),
        );
        return;
      case "write-status":
        this.once("write-status", () => this.writeStatus(action.status, action.reason));
        return;
      case "raise-epoch":
        this.once("raise-epoch", async () => {
          const { succeeded } = await this.guard.transact(raiseEpoch(this.keys, action));
          if (succeeded) log("epoch-raised", { epoch: action.epoch });
        });
        return;
      case "change-role":
        this.once("change-role", () => this.changeRole(action));
        return;
      case "forget-cluster":
        this.once("forget-cluster", async () => {
          const { succeeded } = await this.guard.transact(forgetCluster(this.keys, action));
          if (succeeded) log("cluster-forgotten", { reason: action.reason });
        });
        return;
      case "mark-log":
        this.once("mark-log", async () => {
          await this.postgres.mark(action.mark);
          log("marked-log", { ...action.mark });
          this.logAskedAt = Number.NEGATIVE_INFINITY;
          this.askPostgres();
        });
    }
  }

  private async writeStatus(status: Status, reason: string): Promise<void> {
    const startedAt = monotonic();
    const { position } = status;
    // One that was published before keeps its time: with a new one, who has reached it would seem to have all until now.
    const wallMillis = position?.wallMillis || Date.now();
    const stamped = position ? { ...status, position: { ...position, wallMillis } } : status;
    const written = await this.table.writeStatus(stamped);
    if (reason !== PUBLISHES || !written)
      log(written ? "status-written" : "status-refused", { reason, sequence: status.sequence });
    if (written) this.feed({ kind: "status-written", status: stamped, startedAt });
    else this.feed({ kind: "reading", reading: await this.table.read() });
  }

  private async changeRole(action: Extract<RegionAction, { kind: "change-role" }>): Promise<void> {
    const { config } = this;
    // What must be shut for it is, before it is asked for.
    await this.closed;
    if (config === undefined || monotonic() > action.notAfter) return;
    const { succeeded } = await this.guard.transact(changeRole(this.keys, action, config, this.guard.config));
    const { role, reason, opening, extent } = action;
    log(succeeded ? "role-changed" : "role-change-refused", {
      role: role.kind,
      source: role.kind === "standby" ? role.source : undefined,
      reason: succeeded ? reason : `something has changed; wanted: ${reason}`,
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
        log(`${kind}-failed`, { error: String(error) });
      })
      .finally(() => this.busy.delete(kind));
    if (kind === "close") this.closed = done;
  }

  private askPostgres(): void {
    const { current } = this;
    const soon = current.view?.term !== undefined && current.permitUntil <= monotonic();
    const pace = soon ? LOG_MILLIS.soon : LOG_MILLIS.usual;
    if (monotonic() - this.logAskedAt < pace) return;
    this.once("ask-postgres", async () => {
      this.logAskedAt = monotonic();
      this.feed({ kind: "log", log: await this.postgres.end() });
    });
  }
}

/** Written as often as claims are read: not worth a line each. */
const PUBLISHES = "publishes";
