/** The shell around `decideRegion`, on simulated time: what it asks takes long, gets lost, or is overtaken. */
import { decideRegion, HELD_UP_MILLIS } from "../../../../nodes/guard/region/region-decision.js";
import { slotsAreLeftOver, unsavedEpoch } from "../../../../nodes/guard/region/diverged.js";
import {
  initialRegionState,
  type LogEnd,
  type Reading,
  type RegionAction,
  type RegionEvent,
  type RegionRules,
  type RegionState,
} from "../../../../nodes/guard/region/region-facts.js";
import type { RegionConfig } from "../../../../nodes/guard/region/known.js";
import { patroniMayRun } from "../../../../nodes/guard/region/permit.js";
import { isPending } from "../../../../nodes/guard/region/ticket.js";
import type { SimNode } from "./region.js";
import { other, type SimTable } from "./table.js";

type Of<K extends RegionAction["kind"]> = Extract<RegionAction, { kind: K }>;

/** One thing done wrong. */
export interface Mutation {
  readonly decide?: typeof decideRegion;
  /** When a reading counts from. */
  readonly startOf?: (startedAt: number, endedAt: number) => number;
  readonly clock?: (node: SimNode) => number;
  readonly log?: (log: LogEnd, node: SimNode) => LogEnd;
  readonly skip?: (action: RegionAction) => boolean;
  /** Role changes that compare nothing. */
  readonly blind?: boolean;
  /** A status that replaces whatever stands there. */
  readonly unconditional?: boolean;
}

/** How the network to the claim table does at the moment. */
export interface Weather {
  cut: boolean;
  /** Reads are answered, writes are not. */
  readOnly: boolean;
  /** Milliseconds more, at most. */
  slow: number;
  failShare: number;
}

const ANSWER = 1000;
const TICK = 125;
/** As often as the real one asks etcd, and PostgreSQL while something changes or while nothing does. */
const VIEW = 250;
const KEEP = 500;
const LOG = { soon: 100, usual: 400 } as const;

export class SimGuard {
  state: RegionState = initialRegionState();
  private outstanding = new Set<string>();
  private viewedAt = 0;
  private logAskedAt = 0;
  private keptAt = 0;
  private tickedAt = 0;
  private readonly config: RegionConfig;

  constructor(
    readonly node: SimNode,
    private readonly table: SimTable,
    rules: RegionRules,
    private readonly weather: Weather,
    private readonly mutation: Mutation,
    private readonly onDecision: (node: SimNode, reason: string, lag: number) => void,
  ) {
    this.config = { node: node.name, address: node.name, rules, startsAsStandby: node.region.side === 1 };
  }

  private get clock(): number {
    return this.mutation.clock?.(this.node) ?? this.node.clock;
  }

  get mayRun(): boolean {
    return patroniMayRun(this.config, this.state);
  }

  start(): void {
    this.state = initialRegionState();
    this.outstanding = new Set();
    this.viewedAt = this.logAskedAt = this.keptAt = Number.NEGATIVE_INFINITY;
    this.tickedAt = this.clock;
    const { world, guard } = this.node;
    const loop = guard.guarded(() => {
      const { clock } = this;
      const heldUpUntil = clock - this.tickedAt > HELD_UP_MILLIS ? clock : undefined;
      this.tickedAt = clock;
      this.look();
      this.keep();
      this.feed({ kind: "tick", heldUpUntil });
      this.renew();
      world.after(TICK, guard.guarded(loop));
    });
    world.after(world.random() * 100, loop);
  }

  private feed(event: RegionEvent): void {
    const decide = this.mutation.decide ?? decideRegion;
    const step = decide(this.config, this.state, event, this.clock);
    this.state = step.state;
    for (const action of step.actions) if (!this.mutation.skip?.(action)) this.carryOut(action);
  }

  /** Its own etcd and PostgreSQL, both near: what they say is a little old when it arrives. */
  private look(): void {
    const { node, state } = this;
    const { region } = node;
    const startedAt = this.clock;
    if (startedAt - this.viewedAt >= VIEW) {
      this.viewedAt = startedAt;
      const { config, epoch, extent, opening, leader } = region;
      const term = leader?.node === node ? `${leader.term}` : undefined;
      this.after("view", 20, () => {
        const endedAt = this.clock;
        const mods = { configMod: `${config.mod}`, epochMod: `${epoch.mod}` };
        const { role } = config;
        const view = { startedAt, endedAt, role, extent, opening, epoch: epoch.value, term, ...mods };
        this.feed({ kind: "view", view });
      });
    }
    const soon = state.view?.term !== undefined && state.permitUntil <= startedAt;
    if (!node.runs || node.role === "changing") return;
    if (startedAt - this.logAskedAt < (soon ? LOG.soon : LOG.usual)) return;
    this.logAskedAt = startedAt;
    const log: LogEnd = {
      startedAt,
      isPrimary: node.role === "primary",
      timeline: node.role === "primary" ? node.log.timeline : undefined,
      mark: region.markSeen(node),
      lsn: node.log.lsn,
      replay: node.role === "primary" ? undefined : region.replayOf(node),
    };
    this.after("log", 20, () => this.feed({ kind: "log", log: this.mutation.log?.(log, node) ?? log }));
  }

  /** What the keeper beside it does. */
  private keep(): void {
    const { node } = this;
    const now = this.clock;
    if (now - this.keptAt < KEEP) return;
    this.keptAt = now;
    const records = [...node.saved].map((epoch) => ({ epoch, state: "saved" }) as const);
    const slots = node.kept ? [{ name: "kept", database: 1, ...node.kept }] : [];
    const { timeline } = node.log;
    const data = { slots, records, timeline, isStandby: !node.wasPrimary, patroniRuns: !node.isSaving };
    this.feed({ kind: "data", data });
    const { state } = this;
    const epoch = unsavedEpoch(state);
    if (state.permitUntil > now && node.role === "primary") {
      // It may fail for a while.
      if (node.world.random() < 0.3) node.kept = { epoch: node.log.mark.epoch, timeline };
    } else if (slotsAreLeftOver(state) && node.runs) node.kept = undefined;
    if (epoch !== undefined) node.save(epoch);
  }

  /** What the first half does: the port is open while this node leads and both leases hold. */
  private renew(): void {
    const { node, state } = this;
    const { region } = node;
    if (region.leader?.node === node && node.role === "primary") {
      const left = state.permitUntil - this.clock;
      if (left > 0 && !isPending(state)) node.open(left, state.reading?.own ?? 0);
    } else if (region.leader?.node !== node) node.openUntil = 0;
  }

  private after(what: string, most: number, run: () => void): void {
    if (this.outstanding.has(what)) return;
    this.outstanding.add(what);
    const { world, guard } = this.node;
    world.after(
      world.random() * most,
      guard.guarded(() => {
        this.outstanding.delete(what);
        run();
      }),
    );
  }

  /** Where a decision is to be held up, this guard stands still right here. */
  private holdUp(isLate: boolean): void {
    const { region, guard, world } = this.node;
    const pause = region.pauseAtDecision;
    if (pause?.isLate !== isLate) return;
    region.pauseAtDecision = undefined;
    guard.pause("decision");
    world.note(`${this.node.name} stands still for ${pause.millis}`);
    world.after(pause.millis, () => guard.resume("decision"));
  }

  private carryOut(action: RegionAction): void {
    const { node } = this;
    const { region } = node;
    switch (action.kind) {
      case "close":
        node.openUntil = 0;
        this.after("closed", 10, () => this.feed({ kind: "closed", at: this.clock }));
        return;
      case "read-claims":
        this.read();
        return;
      case "write-status":
        this.writeStatus(action);
        return;
      case "raise-epoch":
        this.after("raise", 20, () => {
          if (`${region.epoch.mod}` === action.expectMod)
            region.epoch = { value: action.epoch, mod: region.epoch.mod + 1 };
        });
        return;
      case "change-role":
        this.holdUp(false);
        this.after("role", 10, () => {
          if (this.clock > action.notAfter) return;
          this.holdUp(true);
          this.after("role transaction", 10, () => this.changeRole(action));
        });
        return;
      case "mark-log":
        this.after("mark", 30, () => {
          if (node.role === "primary" && node.runs && node.log.timeline === action.mark.timeline)
            region.append(node, action.mark);
        });
    }
  }

  private writeStatus({ status, reason }: Of<"write-status">): void {
    const { node, table, mutation } = this;
    const { side } = node.region;
    const startedAt = this.clock;
    const { position } = status;
    const stamped = position
      ? { ...status, position: { ...position, wallMillis: position.wallMillis || node.wall } }
      : status;
    const isPublication = reason === "publishes";
    if (!isPublication) this.holdUp(true);
    this.after("write", 5, () =>
      this.ask(
        "written",
        () => table.write(side, stamped, mutation.unconditional),
        (written) => {
          if (written) this.feed({ kind: "status-written", status: stamped, startedAt });
          if (written && !isPublication) node.world.note(`${node.name} ${reason}`);
        },
      ),
    );
  }

  private changeRole({ expect, role, reason, extent, opening }: Of<"change-role">): void {
    const { node, mutation } = this;
    const { region, world } = node;
    const isSame = expect.configMod === `${region.config.mod}` && expect.epochMod === `${region.epoch.mod}`;
    const leads = region.leader?.node === node && `${region.leader.term}` === expect.term;
    if (!mutation.blind && (!isSame || (expect.term !== undefined && !leads))) return;
    region.changeRole(role, extent, opening);
    world.note(`${node.name} makes ${role.kind}: ${reason}`);
    if (role.kind === "primary")
      this.onDecision(node, reason, opening?.lagMillis ?? Number.POSITIVE_INFINITY);
  }

  /** Claims, status and overrides one after the other: each is consistent, the whole is not. */
  private read(): void {
    const { table, node } = this;
    const mine = node.region.side;
    const theirs = other(mine);
    const startedAt = this.clock;
    const parts: Partial<Reading>[] = [];
    const take = [
      () => ({ own: table.claims[mine] }),
      () => ({ peer: table.claims[theirs] }),
      () => ({ mine: table.status[mine] }),
      () => ({ theirs: table.status[theirs] }),
      () => ({ overrides: { fenced: table.fenced[mine], acceptDataLoss: table.acceptDataLoss[mine] } }),
    ].sort(() => node.world.random() - 0.5);
    // One that has failed has others under way, which may take as long as a tick needs to ask again.
    if ([...this.outstanding].some((what) => what.startsWith("read"))) return;
    this.outstanding.add("read");
    let failed = false;
    const done = (part: Partial<Reading> | undefined) => {
      if (failed) return;
      if (!part) {
        failed = true;
        this.outstanding.delete("read");
        return;
      }
      parts.push(part);
      if (parts.length < take.length) return;
      this.outstanding.delete("read");
      const endedAt = this.clock;
      const start = this.mutation.startOf?.(startedAt, endedAt) ?? startedAt;
      this.feed({ kind: "reading", reading: { ...Object.assign({}, ...parts), startedAt: start, endedAt } });
    };
    for (const [i, one] of take.entries()) this.ask(`read ${i}`, one, done);
  }

  private ask<T>(what: string, run: () => T, done: (answer: T | undefined) => void): void {
    if (this.outstanding.has(what)) return;
    this.outstanding.add(what);
    const { node, weather } = this;
    const { world, guard } = node;
    let answer: T | undefined;
    const settle = guard.guarded(() => {
      this.outstanding.delete(what);
      done(answer);
    });
    const isLost = () =>
      weather.cut || (weather.readOnly && what === "written") || world.random() < weather.failShare / 2;
    const way = () => 10 + world.random() * (20 + weather.slow);
    if (isLost()) {
      world.after(ANSWER, settle);
      return;
    }
    const there = way();
    world.after(there, () => {
      const result = run();
      const back = way();
      // Else it is carried out, and nobody hears of it.
      const isHeard = !isLost() && there + back <= ANSWER;
      if (isHeard) answer = result;
      world.after(isHeard ? back : ANSWER - there, settle);
    });
  }
}
