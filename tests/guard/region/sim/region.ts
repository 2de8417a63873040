/**
 * A simulated region: its etcd's keys, its Patroni as far as regions are concerned, its nodes. The leader lease is
 * taken for granted here (tests/guard/sim has that one): nobody is elected before the last leader's port has lapsed.
 */
import {
  type Extent,
  type Mark,
  NO_MARK,
  type Opening,
  type Replay,
  type Role,
  type Source,
} from "../../../../nodes/guard/region/region-facts.js";
import { sameMark } from "../../../../nodes/guard/region/log-history.js";
import { Process, type World } from "../../sim/world.js";
import { Log } from "./log.js";
import type { Side } from "./table.js";

const LEADER_LEASE = 2000;
const ELECTION = 2300;
const PATRONI = 500;
/** How often a segment is archived and replicated. */
const ARCHIVE = 3000;

export class SimNode {
  readonly guard = new Process();
  readonly database = new Process();
  readonly log = new Log();
  role: "primary" | "standby" | "changing" = "standby";
  /** True time until which writes are served here. */
  openUntil = 0;
  /** The epoch that its guard opened the port for. */
  servedEpoch = 0;
  /** How far its wall clock was set forward. */
  wallStep = 0;
  heardAt = 0;
  /** Own epoch of which slots here keep what clients were told; as files, they outlive the machine. */
  kept: { readonly epoch: number; readonly timeline: number } | undefined;
  /** Of a primary: the newest mark whose commit has returned. */
  returned: Mark | undefined;
  /** Stopped as a primary, or runs as one. */
  wasPrimary = false;
  /** Epochs of which all has been saved. */
  readonly saved = new Set<number>();
  /** Patroni is stopped for it. */
  isSaving = false;
  private saves = 0;
  /** Clients' writes that are not acknowledged yet, and until when somebody waits for them. */
  waiting: { readonly id: number; readonly until: number }[] = [];

  constructor(
    readonly world: World,
    readonly region: SimRegion,
    readonly name: string,
    private readonly rate: number,
    private readonly offset: number,
    readonly wallOffset: number,
  ) {}

  get clock(): number {
    return this.offset + this.world.now * this.rate;
  }
  get wall(): number {
    return 1e9 + this.world.now + this.wallOffset + this.wallStep;
  }
  get runs(): boolean {
    return this.database.alive && !this.database.isPaused;
  }
  get serves(): boolean {
    return this.database.alive && this.world.now < this.openUntil && this.role === "primary";
  }
  /** Stops at once; starts again, to follow, when all is saved. A machine that dies meanwhile begins anew. */
  save(epoch: number): void {
    if (this.isSaving) return;
    this.isSaving = true;
    this.database.pause("saving");
    this.world.note(`${this.name} saves epoch ${epoch}`);
    const number = ++this.saves;
    this.world.after(500 + this.world.random() * 6000, () => {
      if (number !== this.saves || !this.database.alive) return;
      this.saved.add(epoch);
      this.kept = undefined;
      if (this.role !== "changing") this.role = "standby";
      this.endSaving();
    });
  }
  endSaving(): void {
    this.isSaving = false;
    this.saves++;
    this.database.resume("saving");
  }
  follow(source: Log, limit: number): void {
    const gone = this.log.follow(source, limit);
    this.wasPrimary = false;
    if (this.kept && gone.some((id) => this.region.isAcknowledged(id)) && !this.saved.has(this.kept.epoch))
      this.world.violation(`${this.name} was rewound before what it acknowledged was saved`);
  }
  /** For so long by its own clock. */
  open(millis: number, epoch: number): void {
    const bounded = Math.min(millis, LEADER_LEASE * this.rate);
    this.servedEpoch = epoch;
    this.openUntil = bounded > 0 ? this.world.now + bounded / this.rate : 0;
  }
}

export class SimRegion {
  readonly nodes: SimNode[];
  config: { role: Role; mod: number };
  epoch = { value: 0, mod: 1 };
  extent: Extent | undefined;
  opening: Opening | undefined;
  leader: { node: SimNode; term: number } | undefined;
  private terms = 0;
  /** The region's machines can be reached from the other region. */
  linked = true;
  /** Replicas get what the leader has: where nobody is served, nothing waits for that. */
  replicasFollow = true;
  /** The guard that decides next stands still before it acts, or between its last look at the clock and the act. */
  pauseAtDecision: { readonly millis: number; readonly isLate: boolean } | undefined;
  /** What Patroni does is announced by the guard before: nobody starts unmarked. */
  mayRun: (node: SimNode) => boolean = () => true;
  isAcknowledged: (id: number) => boolean = () => false;
  peer!: SimRegion;
  /** What the other region's vault has of this one's log. */
  readonly archive = new Log();
  /** Its leader, as it began: gets the log from the other region, has nothing to replay. */
  private streams = false;
  /** Whom Patroni has made it follow: as the configuration said at its last cycle. */
  private applied: Source["kind"] | undefined;
  private waits = false;

  constructor(
    readonly world: World,
    readonly side: Side,
    rates: readonly number[],
    role: Role,
  ) {
    this.config = { role, mod: 1 };
    this.nodes = rates.map(
      (rate, i) =>
        new SimNode(
          world,
          this,
          `${side === 0 ? "home" : "recovery"}-${i + 1}`,
          1 + rate / 1000,
          world.random() * 1e6,
          (world.random() - 0.5) * 20,
        ),
    );
  }

  start(): void {
    const cycle = () => {
      this.patroni();
      this.world.after(PATRONI * (0.5 + this.world.random()), cycle);
    };
    cycle();
    const stream = () => {
      this.stream();
      this.world.after(30, stream);
    };
    stream();
    const archive = () => {
      const leader = this.leader?.node;
      if (leader?.runs && leader.role === "primary" && this.linked)
        this.archive.follow(leader.log, leader.log.lsn);
      this.world.after(ARCHIVE * this.world.random(), archive);
    };
    archive();
  }

  /** Every volume is gone, etcd's too: a new cluster, that begins as patroni.yml says. */
  empty(): void {
    for (const { log } of this.nodes) log.clear();
    this.leader = this.extent = this.opening = undefined;
    this.epoch = { value: 0, mod: this.epoch.mod + 1 };
    this.config = { role: { kind: "standby", source: { kind: "vault" } }, mod: this.config.mod + 1 };
  }

  replayOf(node: SimNode): Replay {
    const follows = this.leader?.node !== node;
    return {
      wallMillis: node.log.wallMillis,
      isStreaming: follows || this.streams,
      usesArchive: this.applied === "vault",
      isWaiting: follows || this.waits,
    };
  }

  changeRole(role: Role, extent = this.extent, opening = this.opening): void {
    this.extent = extent;
    this.opening = opening;
    this.config = { role, mod: this.config.mod + 1 };
  }

  /** Commits wait for one more copy in the region. */
  isReplicated(node: SimNode, id: number): boolean {
    return this.nodes.some((each) => each !== node && each.runs && each.log.has(id));
  }

  append(node: SimNode, mark: Mark): void {
    node.log.append({ id: 0, mark });
  }

  /** A primary's query sees what is committed: what still waits for another node to have it, it does not. */
  markSeen(node: SimNode): Mark {
    const { mark } = node.log;
    if (node.role !== "primary") return mark;
    if (this.nodes.some((each) => each !== node && each.runs && sameMark(each.log.mark, mark)))
      node.returned = mark;
    return node.returned ?? NO_MARK;
  }

  private patroni(): void {
    const { world } = this;
    const ready = this.nodes.filter((node) => node.runs && this.mayRun(node));
    for (const node of this.nodes) if (node.runs && !node.guard.isPaused) node.heardAt = world.now;
    const { leader } = this;
    if (leader && (!leader.node.runs || !this.mayRun(leader.node) || this.isHung(leader.node, ready))) {
      const lapsed = this.nodes.every((node) => world.now >= node.openUntil);
      if (world.now - leader.node.heardAt < ELECTION || !lapsed) return;
      this.leader = undefined;
    }
    if (!this.leader) {
      const able = ready.filter((node) => !node.guard.isPaused);
      if (ready.length < 2 || able.length === 0 || this.nodes.some((node) => world.now < node.openUntil))
        return;
      const best = able.reduce((a, b) => (isAhead(b.log, a.log) ? b : a));
      this.leader = { node: best, term: ++this.terms };
      world.note(`${best.name} is elected, term ${this.terms}, lsn ${best.log.lsn}`);
    }
    const { node, term } = this.leader;
    this.applied = this.config.role.kind === "standby" ? this.config.role.source.kind : undefined;
    for (const each of ready) if (each !== node && each.role === "primary") each.role = "standby";
    const stillLeads = () => this.leader?.node === node && this.leader.term === term;
    if (this.config.role.kind === "primary" && node.role === "standby") {
      node.role = "changing";
      world.after(
        100 + world.random() * 700,
        node.database.guarded(() => {
          if (!stillLeads() || this.config.role.kind !== "primary" || !this.mayRun(node)) {
            node.role = "standby";
            return;
          }
          node.role = "primary";
          node.returned = node.log.mark;
          node.wasPrimary = true;
          node.log.promote();
          world.note(`${node.name} promoted to timeline ${node.log.timeline}, lsn ${node.log.lsn}`);
        }),
      );
    } else if (this.config.role.kind === "standby" && node.role === "primary") {
      // Still writes its last while it stops.
      world.after(
        200 + world.random() * 1500,
        node.database.guarded(() => {
          if (node.role !== "primary") return;
          node.log.append({ id: 0 });
          node.role = "standby";
          node.wasPrimary = false;
          world.note(`${node.name} stopped, lsn ${node.log.lsn}`);
        }),
      );
    }
  }

  /** Another guard takes over from one that has stopped renewing; where all have, nobody does. */
  private isHung(node: SimNode, ready: readonly SimNode[]): boolean {
    return node.guard.isPaused && ready.some((each) => !each.guard.isPaused);
  }

  private stream(): void {
    const leader = this.leader?.node;
    if (!leader?.runs) return;
    for (const node of this.replicasFollow ? this.nodes : []) {
      // Whoever has more of the same history keeps it: there is nothing to rewind to, and nothing to stream.
      if (leader.log.leadsTo(node.log)) continue;
      // What streams goes on without Patroni; only Patroni rewinds.
      const mayFollow = this.mayRun(node) || node.log.leadsTo(leader.log);
      if (node !== leader && node.runs && node.role === "standby" && mayFollow) node.follow(leader.log, 50);
    }
    const { role } = this.config;
    this.streams = false;
    this.waits = true;
    if (role.kind !== "standby" || leader.role !== "standby") return;
    const { source } = role;
    if (source.kind === "vault" && leader.log.leadsTo(this.peer.archive)) {
      this.waits = leader.log.lsn === this.peer.archive.lsn;
      leader.log.follow(this.peer.archive, 20);
    }
    if (!this.linked || !this.peer.linked) return;
    const found =
      source.kind === "nobody"
        ? undefined
        : this.peer.nodes.find(
            (node) =>
              node.runs && (source.kind === "node" ? node.name === source.address : node.role === "primary"),
          );
    // A source behind the standby's own timeline is none for PostgreSQL, but Patroni rewinds to it.
    if (!found) return;
    this.streams = true;
    leader.follow(found.log, source.kind === "node" ? 400 : 20);
  }
}

/** Patroni's check of timelines, then the longer log. */
const isAhead = (a: Log, b: Log) => (a.timeline === b.timeline ? a.lsn > b.lsn : a.timeline > b.timeline);
