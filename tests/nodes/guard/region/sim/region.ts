/**
 * A simulated region: its etcd, its nodes, and of its Patronis as much as regions and guards depend on. tests/nodes/guard/leader
 * has a Patroni with all habits that are dangerous inside a region; the one here keeps its session, is elected with the
 * longest log, promotes, stops and follows, always a while after etcd says so, and only while the kernel lets it there.
 */
import { type Keys, keysOf } from "../../../../../nodes/guard/leader/leader-keys.js";
import { sameMark } from "../../../../../nodes/guard/region/log-history.js";
import {
  type Mark,
  NO_MARK,
  type Replay,
  type Role,
  type Source,
} from "../../../../../nodes/guard/region/region-facts.js";
import { roleOf, withRole } from "../../../../../nodes/guard/region/standby-cluster.js";
import type { StandbySource } from "../../../../../nodes/guard/shared/config.js";
import { SimEtcd } from "../../sim/etcd.js";
import { Process, type World } from "../../sim/world.js";
import { Log } from "./log.js";
import type { Side } from "./table.js";

const PATRONI = 500;
/** Of Patroni's session in etcd: longer than on real nodes, where it ends some of what a wrong guard would do. */
const TTL = 60_000;
/**
 * How long PostgreSQL may stay writable after its Patroni was cut off from etcd, at the longest: a wait of `loop_wait`, then
 * one read and one update of etcd, each given up after `retry_timeout`. Then Patroni stops PostgreSQL, which refuses new
 * connections at once. A frozen Patroni counts from its thaw. Source: Patroni 4.1, `_run_cycle` and `_handle_dcs_error`
 * in ha.py, `_wait_cache` and `_update_leader` in dcs/etcd3.py.
 */
const CUT_OFF = 9_000;
/** How often a segment is archived and replicated. */
const ARCHIVE = 3000;
const PATRONI_CONFIG = JSON.stringify({ loop_wait: 1, retry_timeout: 4 });

export class SimNode {
  readonly guard: Process;
  /** Patroni and PostgreSQL. */
  readonly database: Process;
  readonly log = new Log();
  role: "primary" | "standby" | "changing" = "standby";
  /** False: Patroni has removed the data. */
  hasData = true;
  /** True time until which the kernel lets clients through. */
  openUntil = 0;
  /** The epoch that its guard knew when it opened the port. */
  servedEpoch = 0;
  /** True time until which the kernel lets Patroni speak with etcd, and whether it has since the machine started. */
  admittedUntil = 0;
  wasAdmitted = false;
  /** Since when its Patroni, running a primary, has been cut off from etcd. */
  cutOffSince: number | undefined;
  /** Of its Patroni: a lease in etcd. */
  session: string | undefined;
  /** How far its wall clock was set forward. */
  wallStep = 0;
  /** How often the machine has been started. */
  boots = 0;
  /** Why the whole machine is paused. */
  readonly frozenBy = new Set<string>();
  /** Own epoch of which slots here keep what was acknowledged; as files, they outlive the machine. */
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
  /** Clients' writes that are not acknowledged yet, and until when a client waits for them. */
  waiting: { readonly id: number; readonly until: number }[] = [];

  constructor(
    readonly world: World,
    readonly region: SimRegion,
    readonly name: string,
    readonly rate: number,
    private readonly offset: number,
    readonly wallOffset: number,
  ) {
    this.guard = new Process(world);
    this.database = new Process(world);
  }

  get clock(): number {
    return this.offset + this.world.now * this.rate;
  }
  get wall(): number {
    return 1e9 + this.world.now + this.wallOffset + this.wallStep;
  }
  /** The machine is there, and so is its etcd. */
  get isUp(): boolean {
    return this.database.alive && this.frozenBy.size === 0;
  }
  get runs(): boolean {
    return this.database.alive && !this.database.isPaused;
  }
  get isAdmitted(): boolean {
    return this.world.now < this.admittedUntil;
  }
  get serves(): boolean {
    return this.database.alive && this.world.now < this.openUntil && this.role === "primary";
  }
  /** Stops at once; starts again, to follow, when all is saved. A machine that dies meanwhile starts again from the beginning. */
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
  /** It still writes its last, and starts again as a standby. */
  stopAsPrimary(): void {
    this.log.append({ id: 0 });
    this.role = "standby";
    this.wasPrimary = false;
    this.world.note(`${this.name} stopped, lsn ${this.log.lsn}`);
  }
  follow(source: Log, limit: number): void {
    const gone = this.log.follow(source, limit);
    if (gone.length > 0) this.world.seen.add("rewind");
    if (gone.some((id) => this.region.isAcknowledged(id)))
      this.world.seen.add("rewind of acknowledged writes");
    this.wasPrimary = false;
    if (!this.kept || this.saved.has(this.kept.epoch)) return;
    const { isAcknowledged, peer } = this.region;
    if (gone.some((id) => isAcknowledged(id) && !peer.hasSafely(id)))
      this.world.violation(`${this.name} was rewound before what it alone had acknowledged was saved`);
  }
  /** Power off. */
  die(): void {
    this.guard.kill();
    this.database.kill();
    this.endSaving();
    this.waiting = [];
    this.openUntil = this.admittedUntil = 0;
    this.wasAdmitted = false;
    this.session = undefined;
    if (this.role === "changing") this.role = "standby";
  }
  boot(): void {
    this.boots++;
    this.database.start();
    this.guard.start();
    this.role = "standby";
  }
}

export class SimRegion {
  readonly nodes: SimNode[];
  readonly etcd: SimEtcd;
  readonly keys: Keys;
  readonly source: StandbySource;
  /** The region's machines can be reached from the other region. */
  linked = true;
  /** Replicas get what the leader has. Without clients, nothing waits for that. */
  replicasFollow = true;
  /** The guard that decides next pauses between its last look at the clock and the act; where `ofRole`, only before a change of role. */
  pauseAtDecision: { readonly millis: number; readonly ofRole: boolean } | undefined;
  /** Milliseconds that a kernel's helper takes for an order, at most. */
  kernelTakes = 3;
  /** A guard here sends the status that opens an epoch. */
  onOpening: () => void = () => {};
  isAcknowledged: (id: number) => boolean = () => false;
  peer!: SimRegion;
  /** What the other region's vault has of this one's log. */
  readonly archive = new Log();
  /** Its leader, as it began: gets the log from the other region, has nothing to replay. */
  private streams = false;
  /** Whom Patroni has made it follow: as the configuration said at its last cycle. */
  private applied: Source["kind"] | undefined;
  private waits = false;
  /** Its configuration's role: asked for several times a second, and mostly the same. */
  private parsed: { readonly config: string | undefined; readonly role: Role | undefined } | undefined;

  constructor(
    readonly world: World,
    readonly side: Side,
    rates: readonly number[],
    role: Role,
  ) {
    const name = (of: Side) => (of === 0 ? "home" : "recovery");
    this.keys = keysOf({ namespace: "/s/", scope: name(side) });
    this.etcd = new SimEtcd(() => world.now);
    this.source = {
      addresses: [1, 2, 3].map((i) => `${name(side === 0 ? 1 : 0)}-${i}`),
      port: 5432,
      slot: "standby",
      createReplicaMethods: ["basebackup"],
      vault: { createReplicaMethods: ["basebackup", "vault"], restoreCommand: "get %f %p" },
    };
    this.nodes = rates.map(
      (rate, i) =>
        new SimNode(
          world,
          this,
          `${name(side)}-${i + 1}`,
          1 + rate / 1000,
          world.random() * 1e6,
          (world.random() - 0.5) * 20,
        ),
    );
    this.create(role);
  }

  /** What Patroni leaves in an etcd that is new. */
  private create(role: Role): void {
    const { keys } = this;
    this.etcd.transact(
      [],
      [
        { put: keys.config, value: withRole(PATRONI_CONFIG, role, this.source) },
        { put: keys.initialize, value: "7" },
      ],
      [],
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
      const { leader } = this;
      if (leader?.runs && leader.role === "primary" && this.linked)
        this.archive.follow(leader.log, leader.log.lsn);
      this.world.after(ARCHIVE * this.world.random(), archive);
    };
    archive();
  }

  /** Every volume is gone, etcd's too: a new cluster, that begins as patroni.yml says. */
  empty(): void {
    for (const { log } of this.nodes) log.clear();
    this.etcd.clear();
    this.create({ kind: "standby", source: { kind: "vault" } });
  }

  /** Every rewind has failed, and Patroni has removed the data; etcd is as it was. */
  loseData(): void {
    for (const node of this.nodes) {
      node.log.clear();
      node.hasData = node.wasPrimary = false;
      node.kept = undefined;
      if (node.role !== "changing") node.role = "standby";
    }
    this.etcd.transact([], [{ delete: this.keys.leader }], []);
  }

  /** Only the cluster's name is left: no node leads, and none has any data. */
  get isBare(): boolean {
    const { initialize } = this.keys;
    return (
      !this.leader && this.etcd.get(initialize) !== undefined && this.nodes.every(({ hasData }) => !hasData)
    );
  }

  get etcdIsUp(): boolean {
    return this.nodes.filter(({ isUp }) => isUp).length >= 2;
  }

  /** Whom the leader key names. */
  get leader(): SimNode | undefined {
    const key = this.etcd.get(this.keys.leader);
    return key && this.nodes.find(({ name }) => name === key.value);
  }

  get role(): Role | undefined {
    const config = this.etcd.get(this.keys.config)?.value;
    if (config !== this.parsed?.config) this.parsed = { config, role: roleOf(config) };
    return this.parsed?.role;
  }

  replayOf(node: SimNode): Replay {
    const follows = this.leader !== node;
    return {
      wallMillis: node.log.wallMillis,
      isStreaming: follows || this.streams,
      usesArchive: this.applied === "vault",
      isWaiting: follows || this.waits,
    };
  }

  /** Commits wait for one more copy in the region. */
  isReplicated(node: SimNode, id: number): boolean {
    return this.nodes.some((each) => each !== node && each.runs && each.log.has(id));
  }

  /** On as many of its nodes as a commit waits for: no single failure loses it. */
  hasSafely(id: number): boolean {
    return this.nodes.filter(({ log }) => log.has(id)).length >= 2;
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
    for (const node of this.nodes) this.demoteCutOff(node);
    if (!this.etcdIsUp) return;
    const { world, etcd, keys } = this;
    const ready = this.nodes.filter((node) => node.runs && node.isAdmitted);
    for (const node of ready) this.keepSession(node);
    if (!etcd.get(keys.leader)) this.copyVault(ready);
    if (!etcd.get(keys.leader)) this.elect(ready.filter(({ hasData }) => hasData));
    const node = this.leader;
    const key = etcd.get(keys.leader);
    if (!node || !key || !ready.includes(node)) return;
    if (key.lease !== node.session) {
      const value = node.name;
      etcd.transact([{ key: keys.leader, value }], [{ put: keys.leader, value, lease: node.session }], []);
    }
    const { role } = this;
    this.applied = role?.kind === "standby" ? role.source.kind : undefined;
    for (const each of ready) if (each !== node && each.role === "primary") each.role = "standby";
    // A copy of the leader's.
    for (const each of ready) each.hasData = true;
    const stillLeads = () => etcd.get(keys.leader)?.create === key.create;
    if (role?.kind === "primary" && node.role === "standby") {
      node.role = "changing";
      world.after(
        100 + world.random() * 700,
        () => {
          if (!stillLeads() || this.role?.kind !== "primary" || !node.isAdmitted) {
            node.role = "standby";
            return;
          }
          node.role = "primary";
          node.returned = node.log.mark;
          node.wasPrimary = true;
          node.log.promote();
          world.note(`${node.name} promoted to timeline ${node.log.timeline}, lsn ${node.log.lsn}`);
        },
        node.database,
      );
    } else if (role?.kind === "standby" && node.role === "primary") {
      // Still writes its last while it stops.
      world.after(
        200 + world.random() * 1500,
        () => {
          if (node.role === "primary") node.stopAsPrimary();
        },
        node.database,
      );
    }
  }

  /** Clients' port is closed long before; but the other region's nodes may connect, and take it for the primary. */
  private demoteCutOff(node: SimNode): void {
    const { now } = this.world;
    const isCutOff = node.runs && node.role === "primary" && !(node.isAdmitted && this.etcdIsUp);
    node.cutOffSince = isCutOff ? (node.cutOffSince ?? now) : undefined;
    if (node.cutOffSince === undefined || now - node.cutOffSince < CUT_OFF) return;
    node.cutOffSince = undefined;
    this.world.seen.add("Patroni stops a primary that is cut off");
    node.stopAsPrimary();
  }

  private keepSession(node: SimNode): void {
    const { etcd, keys } = this;
    if (!node.session || !etcd.keepAlive(node.session)) node.session = etcd.grant(TTL);
    const value = node.hasData ? "{}" : '{"role":"uninitialized"}';
    const { session: lease } = node;
    const member = keys.member(node.name);
    const stored = etcd.get(member);
    if (stored?.lease !== lease || stored.value !== value)
      etcd.transact([], [{ put: member, value, lease }], []);
  }

  /** By two votes: each commit that was acknowledged is on two of three nodes. */
  private elect(able: readonly SimNode[]): void {
    const { etcd, keys, world } = this;
    if (!etcd.get(keys.initialize)) this.bootstrap();
    if (able.length < 2) return;
    const best = able.reduce((a, b) => (isAhead(b.log, a.log) ? b : a));
    etcd.transact(
      [{ key: keys.leader, create: "0" }],
      [{ put: keys.leader, value: best.name, lease: best.session }],
      [],
    );
    world.note(`${best.name} is elected, lsn ${best.log.lsn}, timeline ${best.log.timeline}`);
  }

  /** The vault's create_replica_method has `no_leader`: Patroni begins with it where no node leads (Ha.bootstrap). */
  private copyVault(ready: readonly SimNode[]): void {
    const { role } = this;
    if (role?.kind !== "standby" || role.source.kind !== "vault") return;
    for (const node of ready) {
      if (node.hasData) continue;
      this.world.seen.add("copy from the vault");
      node.log.follow(this.peer.archive, this.peer.archive.lsn);
      node.hasData = true;
    }
  }

  /** A cluster without a name: its nodes begin with a copy of the other region's data. */
  private bootstrap(): void {
    this.world.seen.add("new cluster");
    this.etcd.transact([], [{ put: this.keys.initialize, value: "7" }], []);
    for (const node of this.nodes) node.hasData = true;
  }

  private stream(): void {
    const { leader } = this;
    if (!leader?.runs) return;
    for (const node of this.replicasFollow ? this.nodes : []) {
      // A replica that has more of the same history keeps it: there is nothing to rewind to, and nothing to stream.
      if (leader.log.leadsTo(node.log)) continue;
      // What streams goes on without Patroni; only Patroni rewinds.
      const mayFollow = node.isAdmitted || node.log.leadsTo(leader.log);
      if (node !== leader && node.runs && node.role === "standby" && mayFollow) node.follow(leader.log, 50);
    }
    const { role } = this;
    this.streams = false;
    this.waits = true;
    if (role?.kind !== "standby" || leader.role !== "standby") return;
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
    if (!found || !(leader.isAdmitted || leader.log.leadsTo(found.log))) return;
    this.streams = true;
    leader.follow(found.log, source.kind === "node" ? 400 : 20);
  }
}

/** Patroni's check of timelines, then the longer log. */
const isAhead = (a: Log, b: Log) => (a.timeline === b.timeline ? a.lsn > b.lsn : a.timeline > b.timeline);
