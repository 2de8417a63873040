/** Two regions under faults, and what must hold whatever happens. */
import { regionViewOf } from "../../../../../nodes/guard/region/region-keys.js";
import { validOpening } from "../../../../../nodes/guard/region/ticket.js";
import type { RegionRules } from "../../../../../nodes/guard/shared/config.js";
import { World } from "../../sim/world.js";
import { GuardProcess, type Mutation, type Weather } from "./guard-process.js";
import { type SimNode, SimRegion } from "./region.js";
import { other, type Side, SimTable } from "./table.js";

export type FaultKind =
  | "claim"
  | "claims"
  | "claim-again"
  | "claim-at-opening"
  | "kill-region"
  | "empty-region"
  | "lose-data"
  | "freeze-region"
  | "isolate"
  | "cut-link"
  | "flap-links"
  | "slow-replicas"
  | "cut-table"
  | "slow-table"
  | "slow-writes"
  | "failing-table"
  | "read-only-table"
  | "kill-node"
  | "kill-leader"
  | "pause-guard"
  | "kill-guard"
  | "hang-guards"
  | "pause-decision"
  | "freeze-node"
  | "fence"
  | "accept-loss"
  | "wall-step";

export interface Fault {
  readonly kind: FaultKind;
  readonly side: Side;
  readonly node: number;
  readonly after: number;
  readonly length: number;
}

export interface Scenario {
  readonly seed: number;
  readonly rates: readonly number[];
  readonly faults: readonly Fault[];
  readonly mutation?: Mutation;
}

export const RULES: RegionRules = {
  leaseMillis: 15_000,
  marginMillis: 5_000,
  readMillis: 2_000,
  lagBudgetMillis: 60_000,
};

const WRITE = 150;
/** After the last fault, at most: to recover, to wait for the lease, and to catch up. */
const RECOVERY = 90_000;
/** Longer than a lease with its margin, and than any node waits for another: after that only the end of a fault changes something. */
const STEADY = 25_000;
/** Of a person who watches a region that waits for what it can't get any more. */
const PATIENCE = 10_000;
/** Why something may be paused. */
const PAUSES = ["region", "node", "guard", "guards", "decision"] as const;
/** All must have been well for so long at the end. */
const CALM = 6_000;

interface Acknowledged {
  readonly id: number;
  readonly at: number;
  readonly side: Side;
  readonly epoch: number;
}

/** To make a region primary. */
interface Decision {
  readonly reason: string;
  readonly lag: number;
  /** The other region had demoted its leader, long enough ago for the deciding guard to have read of it. */
  readonly isImpatient: boolean;
}

/** What opening an epoch may lose. */
interface Cost {
  readonly epoch: number;
  readonly planned: boolean;
  readonly accepted: boolean;
  readonly isImpatient: boolean;
  /** As it was decided, and as it is reported to users. */
  readonly lag: number;
  readonly reported: number;
}

export class Regions {
  readonly world: World;
  readonly table: SimTable;
  readonly regions: [SimRegion, SimRegion];
  readonly guards: GuardProcess[] = [];
  readonly acknowledged: Acknowledged[] = [];
  readonly opened: { side: Side; epoch: number; at: number; lost: number; lag: number; planned: boolean }[] =
    [];
  private readonly weather: [Weather, Weather] = [calm(), calm()];
  private readonly decisions = new Map<SimRegion, Decision>();
  /** Epochs that were opened and have not acknowledged anything yet: what they cost was said then. */
  private unserved: Cost[] = [];
  private ids = 0;
  private isOver = false;
  private lastEpoch = 0;
  private readonly forgiven = new Set<number>();
  private readonly isAcknowledged = new Set<number>();

  constructor(private readonly scenario: Scenario) {
    this.world = new World(scenario.seed, 0);
    this.table = new SimTable(() => this.world.now);
    const { rates } = scenario;
    this.regions = [
      new SimRegion(this.world, 0, rates.slice(0, 3), { kind: "primary" }),
      new SimRegion(this.world, 1, rates.slice(3, 6), { kind: "standby", source: { kind: "vault" } }),
    ];
    this.regions[0].peer = this.regions[1];
    this.regions[1].peer = this.regions[0];
    this.table.claim(0, 1);
    this.table.onViolation = (what) => this.world.violation(what);
    this.table.onOpened = (side) =>
      this.unserved.push(this.costOf(this.regions[side], this.table.status[side].opened));
    for (const region of this.regions) {
      const guards = region.nodes.map(
        (node) =>
          new GuardProcess(
            node,
            this.table,
            RULES,
            this.weather[region.side],
            scenario.mutation ?? {},
            (at, opening) =>
              this.decide(at.region, opening?.reason ?? "", opening?.lagMillis ?? Number.POSITIVE_INFINITY),
          ),
      );
      this.guards.push(...guards);
      region.isAcknowledged = (id) => this.isAcknowledged.has(id);
    }
  }

  /** @returns what was violated. */
  async run(): Promise<readonly string[]> {
    const { world, scenario } = this;
    for (const guard of this.guards) guard.start();
    for (const region of this.regions) region.start();
    const writer = () => {
      for (const region of this.regions) this.write(region);
      world.after(WRITE * (0.5 + world.random()), writer);
    };
    writer();
    while (!this.acknowledged.length && world.now < 12_000) await world.runUntil(world.now + 1_000);
    if (!this.acknowledged.length) world.violation("home never served");
    let last = world.now;
    for (const fault of scenario.faults) {
      await world.runUntil(world.now + fault.after);
      this.strike(fault);
      last = Math.max(last, world.now + fault.length);
    }
    await this.outlast(last);
    this.endFaults();
    this.takeClaimBack();
    await this.settle(world.now + RECOVERY);
    this.judge();
    return world.violations;
  }

  /** Until the last fault is over, or nothing has come of it for long: a longer one would show the same. */
  private async outlast(until: number): Promise<void> {
    const { world } = this;
    let before = "";
    let since = world.now;
    while (world.now < until && world.now - since < STEADY && world.violations.length === 0) {
      await world.runUntil(Math.min(until, world.now + 1_000));
      const picture = this.picture();
      if (picture !== before) since = world.now;
      before = picture;
    }
  }

  /** What a series is about. */
  private picture(): string {
    const { claims, status } = this.table;
    return JSON.stringify([
      claims,
      status.map(({ opened, demoted, released, opening }) => [opened, demoted, released, opening]),
      this.regions.map(({ leader, role, nodes }) => [
        leader?.name,
        role,
        nodes.map((node) => [
          node.role,
          node.serves,
          node.log.timeline,
          node.hasData,
          node.isSaving,
          node.isAdmitted,
        ]),
      ]),
    ]);
  }

  private write(region: SimRegion): void {
    const { world } = this;
    for (const node of region.nodes) {
      if (!node.serves || node.database.isPaused) continue;
      const id = ++this.ids;
      node.log.append({ id, wallMillis: node.wall });
      node.waiting.push({ id, until: world.now + 3000 });
      if (node.waiting.length === 1) this.waitForCopies(node);
    }
  }

  private waitForCopies(node: SimNode): void {
    this.world.after(
      30,
      () => {
        const { world } = this;
        // Its answer passes the kernel only while the port is open.
        node.waiting = node.waiting.filter(({ id, until }) => {
          const isDone = node.serves && node.log.has(id) && node.region.isReplicated(node, id);
          if (isDone) this.acknowledge(node, id);
          return !isDone && world.now < until;
        });
        if (node.waiting.length > 0) this.waitForCopies(node);
      },
      node.database,
    );
  }

  private decide(region: SimRegion, reason: string, lag: number): void {
    const since = this.table.demotedSince[other(region.side)];
    // A decision holds for one lease from the reading that it was made on.
    const isImpatient =
      since !== undefined &&
      this.world.now - since > RULES.leaseMillis * 1.02 &&
      !/has released/.test(reason);
    this.decisions.set(region, { reason, lag, isImpatient });
  }

  private acknowledge(node: SimNode, id: number): void {
    const { side } = node.region;
    const { servedEpoch: epoch } = node;
    if (epoch < this.lastEpoch)
      this.world.violation(
        `${node.name} acknowledged in epoch ${epoch} after epoch ${this.lastEpoch} had begun`,
      );
    if (epoch > this.lastEpoch) this.open(node, epoch);
    this.isAcknowledged.add(id);
    this.acknowledged.push({ id, at: this.world.now, side, epoch });
  }

  private costOf(region: SimRegion, epoch: number): Cost {
    const { side } = region;
    const decision = this.decisions.get(region);
    return {
      epoch,
      planned: decision === undefined || /has released|no claim/.test(decision.reason),
      accepted: this.table.acceptDataLoss[side] === epoch,
      isImpatient: decision?.isImpatient ?? false,
      lag: decision?.lag ?? 0,
      reported: this.table.status[side].opening?.lagMillis ?? Number.POSITIVE_INFINITY,
    };
  }

  /** The first acknowledgement of an epoch: what is missing now is lost, by this opening or one since the last. */
  private open(node: SimNode, epoch: number): void {
    const { world } = this;
    const { side } = node.region;
    const { status } = this.table;
    this.lastEpoch = epoch;
    const missing = this.acknowledged.filter(({ id }) => !node.log.has(id) && !this.forgiven.has(id));
    for (const { id } of missing) this.forgiven.add(id);
    const costs = [...this.unserved.filter((cost) => cost.epoch < epoch), this.costOf(node.region, epoch)];
    this.unserved = [];
    const planned = costs.every((cost) => cost.planned);
    const accepted = costs.some((cost) => cost.accepted);
    const last = this.acknowledged.at(-1)?.at ?? 0;
    const from = missing.reduce((least, { at }) => Math.min(least, at), last);
    const lag = costs.reduce((sum, cost) => sum + Math.min(cost.lag, cost.reported), 0);
    world.note(
      `${node.name} serves in epoch ${epoch}, ${missing.length} lost; ${this.decisions.get(node.region)?.reason}`,
    );
    this.opened.push({ side, epoch, at: world.now, lost: missing.length, lag, planned });
    world.seen.add(planned ? "planned move" : "unplanned move");
    if (missing.length > 0) world.seen.add("reported loss");
    if (accepted) world.seen.add("accepted loss");
    if (costs.length > 1) world.seen.add("epoch that served no one");
    if (missing.length > 0 && planned && !accepted)
      world.violation(`${missing.length} acknowledged writes lost in a planned move to epoch ${epoch}`);
    // Stamps are of several nodes' clocks.
    if (!accepted && last - from > lag * 1.02 + 50)
      world.violation(`lost ${Math.round(last - from)} ms of writes, reported ${Math.round(lag)} ms`);
    if (missing.length > 0 && !planned && !accepted) {
      for (const cost of costs)
        if (cost.lag > RULES.lagBudgetMillis)
          world.violation(`promoted with a lag of ${Math.round(cost.lag)} ms, above the budget`);
      if (costs.some((cost) => cost.isImpatient))
        world.violation(`lost ${missing.length} writes that a demoted region would have handed over`);
    }
    if (status[side].opened < epoch)
      world.violation(`serves in epoch ${epoch}, which its status doesn't say`);
  }

  private strike({ kind, side, node: index, length }: Fault): void {
    const { world } = this;
    const region = this.regions[side];
    const node = region.nodes[index % 3] as SimNode;
    const leader = region.leader ?? node;
    const weather = this.weather[side];
    world.seen.add(`fault: ${kind}`);
    if (this.table.status[this.active].opened < Math.max(...this.table.claims))
      world.seen.add(kind.startsWith("claim") ? "claim before the last one is open" : "fault during a move");
    world.note(`fault: ${kind} ${side === 0 ? "home" : "recovery"} ${length}`);
    const later = (run: () => void) => world.after(length, run);
    switch (kind) {
      case "claim":
        this.table.claim(side, this.nextEpoch(side));
        return;
      case "claims":
        // Two operators, each of whom reacts to the other operator's number.
        for (let i = 0; i < 2 + (index % 3); i++) {
          const claimant = i % 2 === 0 ? side : other(side);
          world.after((i * length) / 20, () => this.table.claim(claimant, this.nextEpoch(claimant)));
        }
        return;
      case "claim-again": {
        // The one that is in force, or one that has been overtaken before it was claimed.
        const own = this.table.claims[side];
        this.table.claim(side, index === 0 || own === 0 ? own : own + 2);
        return;
      }
      case "claim-at-opening":
        // While the region's next opening is on its way to the table.
        region.onOpening = () => {
          region.onOpening = () => {};
          later(() => this.table.claim(other(side), this.nextEpoch(other(side))));
        };
        return;
      case "kill-region":
        for (const each of region.nodes) this.kill(each);
        later(() => {
          for (const each of region.nodes) this.boot(each);
        });
        return;
      case "empty-region":
        // The other region serves and has all of its data. Otherwise nothing would be left, and no rule could help.
        if (!this.isDispensable(side)) return;
        for (const each of region.nodes) this.kill(each);
        region.empty();
        later(() => {
          for (const each of region.nodes) this.boot(each);
        });
        return;
      case "lose-data":
        if (this.isDispensable(side)) region.loseData();
        return;
      case "freeze-region":
        for (const each of region.nodes) this.freeze(each, "region");
        later(() => {
          for (const each of region.nodes) this.thaw(each, "region");
        });
        return;
      case "isolate":
        region.linked = false;
        weather.cut = true;
        later(() => {
          region.linked = true;
          weather.cut = false;
        });
        return;
      case "cut-link":
        region.linked = false;
        later(() => {
          region.linked = true;
        });
        return;
      case "flap-links":
        this.flap(world.now + length);
        return;
      case "slow-replicas":
        region.replicasFollow = false;
        later(() => {
          region.replicasFollow = true;
        });
        return;
      case "cut-table":
        weather.cut = true;
        later(() => {
          weather.cut = false;
        });
        return;
      case "slow-table":
        // The first loses none of its answers to that.
        weather.slow = [450, 600, 900][index % 3] as number;
        later(() => {
          weather.slow = 0;
        });
        return;
      case "slow-writes":
        weather.slowWrites = 900;
        later(() => {
          weather.slowWrites = 0;
        });
        return;
      case "failing-table":
        weather.failShare = 0.6;
        later(() => {
          weather.failShare = 0;
        });
        return;
      case "read-only-table":
        weather.readOnly = true;
        later(() => {
          weather.readOnly = false;
        });
        return;
      case "kill-node":
      case "kill-leader": {
        const one = kind === "kill-leader" ? leader : node;
        this.kill(one);
        later(() => this.boot(one));
        return;
      }
      case "pause-guard":
        leader.guard.pause("guard");
        later(() => leader.guard.resume("guard"));
        return;
      case "hang-guards":
        for (const each of region.nodes) each.guard.pause("guards");
        later(() => {
          for (const each of region.nodes) each.guard.resume("guards");
        });
        return;
      case "pause-decision":
        region.pauseAtDecision = { millis: length, ofRole: index === 0 };
        return;
      case "freeze-node":
        this.freeze(leader, "node");
        later(() => this.thaw(leader, "node"));
        return;
      case "kill-guard":
        this.restartGuard(leader);
        return;
      case "fence": {
        // An operator may not say so of a region that runs.
        const peer = this.regions[other(side)];
        if (peer.nodes.every((each) => !each.database.alive && !each.guard.alive))
          this.table.fenced[side] = this.table.claims[side];
        return;
      }
      case "accept-loss":
        this.table.acceptDataLoss[side] = this.table.claims[side];
        return;
      case "wall-step":
        for (const each of region.nodes) each.wallStep += length;
    }
  }

  private isDispensable(side: Side): boolean {
    const { claims, status } = this.table;
    const serves = other(side);
    const { opened } = status[serves];
    return claims[serves] > claims[side] && opened === claims[serves] && this.lastEpoch === opened;
  }

  private nextEpoch(side: Side): number {
    const next = Math.max(...this.table.claims) + 1;
    return next % 2 === (side === 0 ? 1 : 0) ? next : next + 1;
  }

  /** Both links and both ways to the table, each for itself. */
  private flap(until: number): void {
    const { world } = this;
    for (const { side } of this.regions) {
      const isOver = this.isOver || world.now >= until;
      this.weather[side].cut = !isOver && world.random() < 0.5;
      this.regions[side].linked = isOver || world.random() < 0.5;
    }
    if (world.now < until && !this.isOver) world.after(200 + world.random() * 3000, () => this.flap(until));
  }

  private freeze(node: SimNode, why: string): void {
    node.frozenBy.add(why);
    node.guard.pause(why);
    node.database.pause(why);
  }

  private thaw(node: SimNode, why: string): void {
    node.frozenBy.delete(why);
    node.database.resume(why);
    node.guard.resume(why);
  }

  private kill(node: SimNode): void {
    node.die();
  }

  private boot(node: SimNode): void {
    if (node.database.alive) return;
    for (const why of PAUSES) this.thaw(node, why);
    node.boot();
    this.guards.find((guard) => guard.node === node)?.start();
  }

  private restartGuard(node: SimNode): void {
    if (!node.guard.alive) return;
    node.guard.kill();
    node.guard.start();
    this.guards.find((guard) => guard.node === node)?.start();
  }

  /**
   * A region that was claimed while none of its nodes had any data has nothing to open: its guards
   * leave the cluster as it is (lost-data.test.ts), and a person gives the other region the claim back.
   */
  private takeClaimBack(): void {
    if (this.regions[this.active].isBare) this.giveBack();
  }

  /**
   * A leader that died between its promotion and the opening has left one that lacks something of what the other region has
   * released. Its guard waits; only a person can decide, and the other region has everything.
   */
  private get isOverdrawn(): boolean {
    const region = this.regions[this.active];
    const guard = this.guards.find(({ node }) => node === region.leader);
    const { waitsFor } = guard?.region.waitsFor ?? {};
    if (region.leader?.role !== "primary" || !/does not have all of its log/.test(waitsFor ?? ""))
      return false;
    // As etcd has the opening: a wrong guard that forgets it must not be helped.
    const { reading, log } = guard?.region.state ?? {};
    const stored = guard?.guard.state.view;
    if (!guard || !reading || !log || !stored) return false;
    const view = regionViewOf(stored, guard.guard.config);
    return view.opening?.epoch === reading.own && !validOpening({ reading, view }, log);
  }

  private get active(): Side {
    const { claims } = this.table;
    return claims[0] > claims[1] ? 0 : 1;
  }

  private giveBack(): void {
    const { active } = this;
    this.world.note("the claim is taken back");
    this.world.seen.add("claim taken back");
    this.table.claim(other(active), this.nextEpoch(other(active)));
  }

  private endFaults(): void {
    this.isOver = true;
    for (const region of this.regions) {
      region.linked = true;
      Object.assign(this.weather[region.side], calm());
      region.replicasFollow = true;
      region.pauseAtDecision = undefined;
      for (const node of region.nodes) {
        for (const why of PAUSES) this.thaw(node, why);
        this.boot(node);
      }
    }
  }

  /** Until all has been well for a while, or should have been. */
  private async settle(until: number): Promise<void> {
    const { world } = this;
    let since: number | undefined;
    let overdrawnSince: number | undefined;
    while (world.now < until && world.violations.length === 0) {
      const isWell = this.faults(world.now - CALM).length === 0;
      since = isWell ? (since ?? world.now) : undefined;
      if (since !== undefined && world.now - since >= CALM) return;
      overdrawnSince = this.isOverdrawn ? (overdrawnSince ?? world.now) : undefined;
      if (overdrawnSince !== undefined && world.now - overdrawnSince >= PATIENCE) this.giveBack();
      await world.runUntil(world.now + 1_000);
    }
  }

  private judge(): void {
    const { world } = this;
    if (world.violations.length > 0) return;
    for (const fault of this.faults(world.now - CALM)) world.violation(fault);
  }

  /** Well is: the greatest region serves in its epoch, and the other has what was acknowledged there until lately. */
  private faults(lately: number): string[] {
    const { acknowledged, lastEpoch, table } = this;
    const found: string[] = [];
    const { active } = this;
    const last = acknowledged.at(-1);
    if (last?.side !== active || last.at < lately)
      found.push(`no node serves in region ${active} at the end`);
    if (lastEpoch !== Math.max(...table.claims)) found.push("the greatest epoch was never opened");
    const standby = this.regions[other(active)].leader;
    const before = acknowledged.findLast(({ at }) => at < lately);
    if (before && !standby?.log.has(before.id)) found.push("the standby region does not follow");
    return found;
  }
}

const calm = (): Weather => ({ cut: false, readOnly: false, slow: 0, slowWrites: 0, failShare: 0 });
